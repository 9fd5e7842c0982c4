package sqlite_test

import (
	"os"
	"testing"

	"pgregory.net/rapid"

	"holdfast/engine"
	"holdfast/engine/enginetest"
	"holdfast/engine/memory"
	"holdfast/engine/sqlite"
	"holdfast/event"
)

// TestMachines plays on copies of a folder that is made once: they cost less than
// making another.
func TestMachines(t *testing.T) {
	made := make(map[event.Service]string)
	for _, s := range event.Services {
		made[s] = t.TempDir()
		e, err := sqlite.Open(sqlite.Options{Dir: made[s], Services: []event.Service{s}})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	enginetest.RunMachines(t, enginetest.Subject{
		Whole: true, OneIn: 1,
		Open: func(t *rapid.T, s event.Service) enginetest.Opened { return openService(t, folderLike(t, made[s]), s) },
	}, func() *engine.Engine { return &memory.New().Engine })
}

// openService opens a service's files, and closes them with t.
func openService(t *rapid.T, dir string, s event.Service) enginetest.Opened {
	open := func() *engine.Engine {
		e, err := sqlite.Open(sqlite.Options{Dir: dir, Services: []event.Service{s}, RunLength: 3})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open()
	end := func() {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(end)
	return enginetest.Opened{Engine: e, Reopen: func() *engine.Engine {
		end()
		e = open()
		return e
	}}
}

// TestQueueMachine has two processes share the folder, of which the first began
// it: where that one begins anew, leases are void.
func TestQueueMachine(t *testing.T) {
	made := t.TempDir()
	queues, err := sqlite.OpenQueues(sqlite.QueueOptions{Dir: made})
	if err != nil {
		t.Fatal(err)
	}
	if err := queues.Close(); err != nil {
		t.Fatal(err)
	}
	enginetest.RunQueueMachine(t, enginetest.QueueSubject{OneIn: 1, Open: func(t *rapid.T) enginetest.OpenedQueue {
		const capacity = 10
		dir := folderLike(t, made)
		var processes []*sqlite.Queues
		open := func(process int) *sqlite.Queues {
			q, err := sqlite.OpenQueues(sqlite.QueueOptions{Dir: dir, Capacity: capacity, Shared: process > 0})
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		end := func(process int) {
			if err := processes[process].Close(); err != nil {
				t.Fatal(err)
			}
		}
		opened := enginetest.OpenedQueue{Capacity: capacity, Reopen: func(process int) (event.Queue, bool) {
			end(process)
			processes[process] = open(process)
			return processes[process].Queues[event.Payment], process == 0
		}}
		for process := range 2 {
			processes = append(processes, open(process))
			opened.Handles = append(opened.Handles, processes[process].Queues[event.Payment])
			t.Cleanup(func() { end(process) })
		}
		return opened
	}})
}

// inMemory is where a Linux machine keeps files in its memory: thousands of
// folders are made and removed again.
const inMemory = "/dev/shm"

// folderLike makes a copy of a folder that goes with t.
func folderLike(t *rapid.T, made string) string {
	parent := inMemory
	if _, err := os.Stat(parent); err != nil {
		parent = os.TempDir()
	}
	dir, err := os.MkdirTemp(parent, "holdfast-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
		t.Fatal(err)
	}
	return dir
}
