// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxEntry is more than any document and what an entry adds to it.
const maxEntry = 17 << 20

// errTorn is returned for a record that was cut off by the end of its writer.
var errTorn = errors.New("torn record")

// journal is the file: documents one after the other, each with a checksum behind it, since a process or a machine can
// end in the middle of one.
type journal struct {
	file *os.File
	// ends holds where each record ends.
	ends []int64
}

// openJournal returns the whole records. What follows the last of them was never acknowledged, and is cut off.
func openJournal(path string) (*journal, []bson.Raw, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{file: file}
	records, err := j.read()
	if err == nil {
		err = j.truncate(len(records))
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return j, records, nil
}

func (j *journal) read() (records []bson.Raw, err error) {
	in := bufio.NewReader(j.file)
	for {
		record, err := readRecord(in)
		if errors.Is(err, errTorn) || errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		records = append(records, record)
		j.ends = append(j.ends, j.end()+int64(len(record))+crc32.Size)
	}
}

func readRecord(in *bufio.Reader) (bson.Raw, error) {
	head, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(head))
	if size < 5 || size > maxEntry {
		return nil, errTorn
	}
	whole := make([]byte, size+crc32.Size)
	if _, err := io.ReadFull(in, whole); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errTorn
	} else if err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(whole[:size]) != binary.LittleEndian.Uint32(whole[size:]) {
		return nil, errTorn
	}
	return whole[:size], nil
}

func (j *journal) end() int64 {
	if len(j.ends) == 0 {
		return 0
	}
	return j.ends[len(j.ends)-1]
}

// append writes records behind the others. They survive the process; the machine's end only after sync.
func (j *journal) append(records ...bson.Raw) error {
	var out []byte
	end, ends := j.end(), j.ends
	for _, record := range records {
		out = append(out, record...)
		out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(record))
		ends = append(ends, end+int64(len(out)))
	}
	if _, err := j.file.WriteAt(out, end); err != nil {
		return err
	}
	j.ends = ends
	return nil
}

// truncate keeps the first records only.
func (j *journal) truncate(keep int) error {
	j.ends = j.ends[:keep]
	if err := j.file.Truncate(j.end()); err != nil {
		return err
	}
	return j.file.Sync()
}
