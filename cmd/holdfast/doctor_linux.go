package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// flush waits until what was written to a file is on its disk.
func flush(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }

// fileSystem names what is no disk of this machine; "" is one.
func fileSystem(disk *unix.Statfs_t) string {
	return map[int64]string{
		unix.TMPFS_MAGIC: "tmpfs", unix.NFS_SUPER_MAGIC: "NFS", unix.CIFS_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.SMB_SUPER_MAGIC: "SMB", unix.V9FS_MAGIC: "9P",
	}[int64(disk.Type)]
}

// freeMemory is what the machine has available, or less where a control group bounds
// this process, in bytes.
func freeMemory() (free uint64, known bool) {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &free); err == nil {
			free, known = free<<10, true
			break
		}
	}
	const group = "/sys/fs/cgroup/memory."
	bound, bounded := number(group + "max")
	used, counted := number(group + "current")
	if bounded && counted {
		return min(free, bound-min(used, bound)), known
	}
	return free, known
}

// number reads a file that holds one.
func number(path string) (n uint64, is bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// listenerOn names the process that listens where an address would, as far as this
// user may know.
func listenerOn(addr string) string {
	const unknown = "a process that this user may not see"
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return unknown
	}
	sockets := listening(at)
	opened, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is good
	for _, path := range opened {
		if target, err := os.Readlink(path); err == nil && sockets[target] {
			pid := strings.Split(path, "/")[2]
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return fmt.Sprintf("%q, process %s", bytes.TrimSpace(name), pid)
		}
	}
	return unknown
}

// listening are the sockets that listen where an address would, as the links to open
// files name them. See proc_net_tcp in the kernel's documentation.
func listening(at *net.TCPAddr) map[string]bool {
	const (
		local, state, inode = 1, 3, 9 // columns
		listens             = "0A"
	)
	sockets := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			if cells := strings.Fields(line); len(cells) > inode && cells[state] == listens && meets(at, cells[local]) {
				sockets["socket:["+cells[inode]+"]"] = true
			}
		}
	}
	return sockets
}

// meets reports whether a table's address, as 0100007F:1F40 for 127.0.0.1:8000, and
// another share a port and an interface.
func meets(at *net.TCPAddr, cell string) bool {
	host, port, _ := strings.Cut(cell, ":")
	n, _ := strconv.ParseUint(port, 16, 16)
	ip, _ := hex.DecodeString(host)
	for i := 0; i+4 <= len(ip); i += 4 { // words in the machine's own order
		binary.BigEndian.PutUint32(ip[i:], binary.NativeEndian.Uint32(ip[i:]))
	}
	everywhere := at.IP == nil || at.IP.IsUnspecified() || net.IP(ip).IsUnspecified()
	return int(n) == at.Port && (everywhere || at.IP.Equal(ip))
}
