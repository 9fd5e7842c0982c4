package crash_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// disk is what SQLite asks of the files of a folder, in the order in which it asks:
// writes, and the syncs without which a write need not outlast the power. It is
// kept beside the real files by a VFS that passes everything on
// (https://sqlite.org/vfs.html), as SQLite's own crash tests do
// (https://sqlite.org/testing.html#crash_testing).
type disk struct {
	dir string
	mu  sync.Mutex
	ops []op
}

// op is one request about a file.
type op struct {
	kind opKind
	file string // its name in the folder
	at   int64  // of a write: where; of a cut: the length that is left
	data []byte
}

type opKind int

const (
	written opKind = iota
	shortened
	deleted
	synced
)

func (d *disk) add(o op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, o)
}

// length is how many requests there were.
func (d *disk) length() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ops)
}

// recorder is the VFS under every connection of this process.
type recorder struct {
	mu    sync.Mutex
	base  lib.Tsqlite3_vfs // the one that does the work
	disks []*disk
	files map[uintptr]*recorded // by the address of SQLite's file
	ours  map[uintptr]uintptr   // the methods that record, by those that do the work
}

// recorded is an open file.
type recorded struct {
	disk *disk
	name string
	base *lib.Tsqlite3_io_methods
}

var recording = recorder{files: make(map[uintptr]*recorded), ours: make(map[uintptr]uintptr)}

// recordDisk records what is asked of a folder's files until the test ends.
func recordDisk(t *testing.T, dir string) *disk {
	t.Helper()
	installRecorder()
	d := &disk{dir: dir}
	recording.mu.Lock()
	defer recording.mu.Unlock()
	recording.disks = append(recording.disks, d)
	t.Cleanup(func() {
		recording.mu.Lock()
		defer recording.mu.Unlock()
		recording.disks = slices.DeleteFunc(recording.disks, func(other *disk) bool { return other == d })
	})
	return d
}

// installRecorder has every connection that is opened from now on go through the
// recorder.
var installRecorder = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	recording.base = *at[lib.Tsqlite3_vfs](lib.Xsqlite3_vfs_find(tls, 0))
	vfs := libc.Xmalloc(tls, lib.Tsize_t(unsafe.Sizeof(recording.base)))
	name, err := libc.CString("recorder")
	if err != nil || vfs == 0 {
		panic("no memory")
	}
	ours := recording.base
	ours.FzName, ours.FxOpen, ours.FxDelete = name, pointer(openFile), pointer(deleteFile)
	*at[lib.Tsqlite3_vfs](vfs) = ours
	if code := lib.Xsqlite3_vfs_register(tls, vfs, 1); code != lib.SQLITE_OK {
		panic(fmt.Sprint("the recorder was refused: ", code))
	}
})

// at is what lies at an address of SQLite's memory.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// pointer is a function of the package's own as SQLite calls it.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// method is a function of SQLite's as Go calls it.
func method[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&address)) }

// diskOf is the disk that records a path, and the file's name there; nil if none
// does.
func (r *recorder) diskOf(path uintptr) (*disk, string) {
	if path == 0 {
		return nil, ""
	}
	dir, name := filepath.Split(libc.GoString(path))
	for _, d := range r.disks {
		if strings.TrimSuffix(dir, string(filepath.Separator)) == d.dir {
			return d, name
		}
	}
	return nil, ""
}

func openFile(tls *libc.TLS, vfs, path, file uintptr, flags int32, outFlags uintptr) int32 {
	r := &recording
	code := method[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](r.base.FxOpen)(tls, vfs, path, file, flags, outFlags)
	r.mu.Lock()
	defer r.mu.Unlock()
	d, name := r.diskOf(path)
	methods := at[lib.Tsqlite3_file](file)
	if code != lib.SQLITE_OK || d == nil || methods.FpMethods == 0 {
		return code
	}
	r.files[file] = &recorded{d, name, at[lib.Tsqlite3_io_methods](methods.FpMethods)}
	methods.FpMethods = r.recordingMethods(tls, methods.FpMethods)
	return code
}

// recordingMethods are the methods that record and pass on to those given.
func (r *recorder) recordingMethods(tls *libc.TLS, base uintptr) uintptr {
	if r.ours[base] == 0 {
		m := *at[lib.Tsqlite3_io_methods](base)
		m.FxClose, m.FxWrite, m.FxTruncate, m.FxSync = pointer(closeFile), pointer(writeFile), pointer(truncateFile), pointer(syncFile)
		r.ours[base] = libc.Xmalloc(tls, lib.Tsize_t(unsafe.Sizeof(m)))
		*at[lib.Tsqlite3_io_methods](r.ours[base]) = m
	}
	return r.ours[base]
}

func (r *recorder) file(address uintptr) *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[address]
}

// note records what was done, unless it failed.
func (f *recorded) note(code int32, o op) int32 {
	if o.file = f.name; code == lib.SQLITE_OK {
		f.disk.add(o)
	}
	return code
}

func closeFile(tls *libc.TLS, file uintptr) int32 {
	f := recording.file(file)
	recording.mu.Lock()
	delete(recording.files, file)
	recording.mu.Unlock()
	return method[func(*libc.TLS, uintptr) int32](f.base.FxClose)(tls, file)
}

func writeFile(tls *libc.TLS, file, from uintptr, n int32, offset int64) int32 {
	f := recording.file(file)
	data := slices.Clone(unsafe.Slice(at[byte](from), n))
	code := method[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](f.base.FxWrite)(tls, file, from, n, offset)
	return f.note(code, op{kind: written, at: offset, data: data})
}

func truncateFile(tls *libc.TLS, file uintptr, size int64) int32 {
	f := recording.file(file)
	code := method[func(*libc.TLS, uintptr, int64) int32](f.base.FxTruncate)(tls, file, size)
	return f.note(code, op{kind: shortened, at: size})
}

func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := recording.file(file)
	code := method[func(*libc.TLS, uintptr, int32) int32](f.base.FxSync)(tls, file, flags)
	return f.note(code, op{kind: synced})
}

func deleteFile(tls *libc.TLS, vfs, path uintptr, syncFolder int32) int32 {
	r := &recording
	code := method[func(*libc.TLS, uintptr, uintptr, int32) int32](r.base.FxDelete)(tls, vfs, path, syncFolder)
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, name := r.diskOf(path); d != nil && code == lib.SQLITE_OK {
		d.add(op{kind: deleted, file: name})
	}
	return code
}
