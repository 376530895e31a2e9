// Judges a tambo log with Go's own implementation of signed notes and transparency logs (golang.org/x/mod).
//
// Usage: oracle FOLDER. The folder holds what the Rust test wrote:
//
//	vkey        verifier key of the log
//	checkpoint  the newest checkpoint, a signed note
//	proofs      one proof a line, fields separated by spaces, hashes in base64, "-" for none:
//	            record INDEX SIZE ROOT LEAF HASH,HASH,...
//	            tree   OLD NEW OLDROOT NEWROOT HASH,HASH,...
//	tile/...    the tiles at their C2SP addresses
//
// It ends with status 0 and one line of counts, or with status 1 and what did not hold.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func read(folder, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		fail("%v", err)
	}
	return data
}

func hash(text string) (h tlog.Hash) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != tlog.HashSize {
		fail("not a hash: %q", text)
	}
	copy(h[:], data)
	return h
}

func hashes(text string) (list []tlog.Hash) {
	if text == "-" {
		return nil
	}
	for _, one := range strings.Split(text, ",") {
		list = append(list, hash(one))
	}
	return list
}

func size(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fail("not a size: %q", text)
	}
	return n
}

// checkpoint opens the note with the one trusted key and reads its three lines.
func checkpoint(folder string) (string, tlog.Tree) {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(folder, "vkey"))))
	if err != nil {
		fail("verifier key: %v", err)
	}
	opened, err := note.Open(read(folder, "checkpoint"), note.VerifierList(verifier))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		fail("checkpoint text: %q", opened.Text)
	}
	return lines[0], tlog.Tree{N: size(lines[1]), Hash: hash(lines[2])}
}

// files gives tlog the tiles of the folder; C2SP addresses have no height in them, Go's own do.
type files struct {
	folder string
	read   int
}

func (f *files) Height() int { return 8 }

func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.folder, path))
		if err != nil {
			return nil, err
		}
		f.read++
		all = append(all, data)
	}
	return all, nil
}

func (f *files) SaveTiles([]tlog.Tile, [][]byte) {}

// proofs checks every line, and that Go computes the same inclusion proofs from the tiles.
func proofs(folder string, tree tlog.Tree, reader tlog.HashReader) (records, trees int) {
	for _, line := range strings.Split(strings.TrimSpace(string(read(folder, "proofs"))), "\n") {
		part := strings.Fields(line)
		switch {
		case len(part) == 6 && part[0] == "record":
			index, of, proof := size(part[1]), size(part[2]), hashes(part[5])
			if err := tlog.CheckRecord(proof, of, hash(part[3]), index, hash(part[4])); err != nil {
				fail("%s: %v", line, err)
			}
			if of == tree.N {
				own, err := tlog.ProveRecord(of, index, reader)
				if err != nil || fmt.Sprint(own) != fmt.Sprint(tlog.RecordProof(proof)) {
					fail("%s: the tiles give another proof (%v)", line, err)
				}
			}
			records++
		case len(part) == 6 && part[0] == "tree":
			old, of := size(part[1]), size(part[2])
			if err := tlog.CheckTree(hashes(part[5]), of, hash(part[4]), old, hash(part[3])); err != nil {
				fail("%s: %v", line, err)
			}
			trees++
		default:
			fail("not a proof: %q", line)
		}
	}
	return records, trees
}

func main() {
	folder := os.Args[1]
	origin, tree := checkpoint(folder)
	source := &files{folder: folder}
	reader := tlog.TileHashReader(tree, source)
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil || !bytes.Equal(root[:], tree.Hash[:]) {
		fail("the tiles do not lead to the checkpoint: %v", err)
	}
	records, trees := proofs(folder, tree, reader)
	fmt.Printf("%s: %d entries, %d inclusion proofs, %d consistency proofs, %d tiles read\n",
		origin, tree.N, records, trees, source.read)
}
