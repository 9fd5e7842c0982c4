package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// examineFolder looks at the data folder, or where that is to be made.
func examineFolder(dir string) []finding {
	place := nearest(dir)
	is, err := enter(place)
	if err != nil {
		return []finding{failed("data folder", unusable(place, err))}
	}
	all := []finding{examineAccess(dir, place, is.Mode()), examineSpace(place), examineWrites(place)}
	if _, err := os.Stat(filepath.Join(dir, "order.db")); err != nil {
		return all
	}
	return append(all, examineFiles(dir), examineStores(dir))
}

// enter fails unless a folder is one that this user may read and write.
func enter(place string) (fs.FileInfo, error) {
	is, err := os.Stat(place)
	if err == nil && !is.IsDir() {
		err = fmt.Errorf("%s is no folder", place)
	}
	if err == nil {
		err = unix.Access(place, unix.R_OK|unix.W_OK|unix.X_OK)
	}
	return is, err
}

// nearest is the folder itself, or the one above it that is there.
func nearest(dir string) string {
	for {
		_, err := os.Stat(dir)
		if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
			dir = above
			continue
		}
		return dir
	}
}

// What others on the machine may do with a folder.
const (
	othersWrite fs.FileMode = 0o022
	othersLook  fs.FileMode = 0o055
)

// examineAccess looks at what others may do with the folder: nothing is best.
func examineAccess(dir, place string, mode fs.FileMode) finding {
	f := finding{Check: "data folder", Verdict: passes, Found: dir}
	if place != dir {
		f.Found += " is not there yet; setup or serve makes it"
		return f
	}
	f.Found += fmt.Sprintf(", mode %o", mode.Perm())
	switch {
	case mode&othersWrite != 0:
		f.Verdict, f.Found, f.Do = fails, f.Found+": others on this machine may change what is in it", "chmod 700 "+dir
	case mode&othersLook != 0:
		f.Verdict, f.Found, f.Do = warns, f.Found+": others on this machine may see the orders and keys.db in it", "chmod 700 "+dir
	}
	if using := holders(filepath.Join(dir, lockName)); len(using) > 0 {
		f.Found += "; in use by " + strings.Join(using, ", and ")
	}
	return f
}

// examineFiles looks at whether this user may read and write what is in the folder.
func examineFiles(dir string) finding {
	var seen, barred []string
	for _, pattern := range []string{"*.db", "*.db-wal", "*.db-shm", lockName} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // the patterns are good
		seen = append(seen, found...)
	}
	for _, path := range seen {
		// A file that is gone by now is nobody's trouble.
		if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
			barred = append(barred, filepath.Base(path))
		}
	}
	if len(barred) > 0 {
		return finding{"files", fails, fmt.Sprintf("%d of %d cannot be read or written by this user: %s", len(barred), len(seen), strings.Join(barred, ", ")),
			fmt.Sprintf("run holdfast as their owner, or give them to this user: chown -R %d %s", os.Getuid(), dir)}
	}
	return finding{"files", passes, fmt.Sprintf("%d, which this user may read and write", len(seen)), ""}
}

// examineStores looks at the head of each database: to open them would leave files
// beside them, and to read all takes as long as there are orders.
func examineStores(dir string) finding {
	stores, _ := filepath.Glob(filepath.Join(dir, "*.db")) // the pattern is good
	size := uint64(0)
	for _, path := range stores {
		bytes, err := headOf(path)
		if err != nil {
			return finding{"stores", fails, fmt.Sprintf("%s is damaged: %v", path, err), "stop holdfast, and put back a copy of the whole folder"}
		}
		size += bytes
	}
	return finding{"stores", passes, fmt.Sprintf("%s in %d databases; whether every promise is kept in them, holdfast audit says", humanize.Bytes(size), len(stores)), ""}
}

// headOf returns a database's size. It fails unless that is whole pages under the
// head that SQLite gives it (https://sqlite.org/fileformat.html#the_database_header).
func headOf(path string) (size uint64, err error) {
	const magic, pageSizeAt, least = "SQLite format 3\x00", 16, 512
	file, err := os.Open(path)
	if err != nil { // it is gone by now, or examineFiles tells of it: that is no damage
		return 0, nil
	}
	defer file.Close()
	is, err := file.Stat()
	if err != nil || is.Size() == 0 { // it was made, and nothing written yet
		return 0, err
	}
	head := make([]byte, pageSizeAt+2)
	if _, err := io.ReadFull(file, head); err != nil || string(head[:len(magic)]) != magic {
		return 0, errors.New("it does not begin as a database does")
	}
	page := int64(binary.BigEndian.Uint16(head[pageSizeAt:]))
	if page == 1 {
		page = 1 << 16
	}
	if page < least || is.Size()%page != 0 {
		return 0, fmt.Errorf("its %d bytes are not whole pages of %d", is.Size(), page)
	}
	return uint64(is.Size()), nil
}

// What a data folder needs of its disk, in bytes.
const (
	leastSpace  = 200 << 20 // the stores' logs, and what is merged
	scarceSpace = 2 << 30
	orderSpace  = 660 // an order takes, see docs/performance.md
)

// examineSpace looks at what is free on the folder's file system for this user.
func examineSpace(place string) finding {
	f := finding{Check: "disk space", Verdict: passes}
	var disk unix.Statfs_t
	if err := unix.Statfs(place, &disk); err != nil {
		return finding{f.Check, warns, fmt.Sprintf("cannot be told: %v", err), "look with: df " + place}
	}
	free := disk.Bavail * uint64(disk.Bsize)
	f.Found = fmt.Sprintf("%s free, room for some %s orders", humanize.Bytes(free), inMillions(free/orderSpace))
	switch kind := fileSystem(&disk); {
	case free < leastSpace:
		f.Verdict, f.Do = fails, "free some, or choose another --data: what cannot be written is not accepted"
	case kind == "":
		if free < scarceSpace {
			f.Verdict, f.Do = warns, "free some, or choose another --data"
		}
	case kind == "tmpfs":
		f.Verdict, f.Found, f.Do = warns, f.Found+"; it is memory", "choose a --data on a disk: a power cut takes all of it"
	default:
		f.Verdict, f.Found, f.Do = warns, f.Found+"; it is on the network: "+kind, "choose a --data on a disk of this machine: SQLite's log and locks do not hold across machines"
	}
	return f
}

// inMillions is a number as people say it, from a million on.
func inMillions(n uint64) string {
	if n < 1e6 {
		return humanize.Comma(int64(n))
	}
	return humanize.Comma(int64(n/1e6)) + " million"
}

// How the disk's writes are measured, and what they should take.
const (
	trialWrites = 300
	trialSize   = 4096 // bytes a write: a page of SQLite's
	trialTime   = 3 * time.Second
	slowWrite   = 20 * time.Millisecond // at the median: a lone order waits for five
	slowestGood = 200 * time.Millisecond
	fastestTrue = 5 * time.Microsecond // no disk answers sooner
)

// examineWrites measures how long the disk takes to make a page last.
func examineWrites(place string) finding {
	f := finding{Check: "write speed", Verdict: passes}
	took, err := tryWrites(place)
	if err != nil {
		return failed(f.Check, unusable(place, err))
	}
	slices.Sort(took)
	median, p99 := took[len(took)/2], took[len(took)*99/100]
	f.Found = fmt.Sprintf("%d writes of 4 KiB, each flushed: p50 %s, p99 %s", len(took), inMilliseconds(median), inMilliseconds(p99))
	switch {
	case median > slowWrite || p99 > slowestGood:
		f.Verdict, f.Do = warns, "choose a faster disk, or one that is less busy: an order waits for some five such writes, though a thousand orders share each"
	case median < fastestTrue:
		f.Verdict, f.Do = warns, "see whether the disk or the virtual machine really flushes: else a power cut takes orders that were accepted"
	}
	return f
}

func inMilliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}

// tryWrites appends to a file of its own and flushes, as SQLite does with its log,
// and returns how long each took. The file is gone afterwards.
func tryWrites(dir string) (took []time.Duration, err error) {
	file, err := os.CreateTemp(dir, ".holdfast-doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	page := make([]byte, trialSize)
	for began := time.Now(); len(took) < trialWrites && (len(took) == 0 || time.Since(began) < trialTime); {
		start := time.Now()
		if _, err := file.Write(page); err != nil {
			return nil, err
		}
		if err := flush(file); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// lastWrite is when a store was last written; zero if none is there.
func lastWrite(dir string) (last time.Time) {
	stores, _ := filepath.Glob(filepath.Join(dir, "*.db*")) // the pattern is good
	for _, path := range stores {
		if is, err := os.Stat(path); err == nil && is.ModTime().After(last) {
			last = is.ModTime()
		}
	}
	return last
}
