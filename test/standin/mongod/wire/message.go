// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// MaxMessage is the most bytes of one message, and MaxDocument of one document, that servers announce and accept.
const (
	MaxMessage  = 48_000_000
	MaxDocument = 16 << 20
)

// opQuery is the operation that a driver sends its first hello with, since it does not know yet what the server speaks.
const opQuery = wiremessage.OpCode(2004)

// headerSize is that of the four numbers that every message begins with.
const headerSize = 16

// ErrMalformed is returned for bytes that are no message; the connection cannot be used any further.
var ErrMalformed = errors.New("malformed message")

// Message is a command or a reply.
type Message struct {
	RequestID, ResponseTo int32
	Flags                 wiremessage.MsgFlag
	// Body is the document. Sequences of documents that came beside it have been put into it, as the arrays that they
	// stand for.
	Body bson.Raw
	// Legacy says that the message came as OP_QUERY, and that its reply must be an OP_REPLY.
	Legacy bool
}

// Read reads one message.
func Read(r io.Reader) (Message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Message{}, err
	}
	size := int32(binary.LittleEndian.Uint32(header[:4]))
	if size < headerSize || size > MaxMessage {
		return Message{}, fmt.Errorf("%w: %d bytes", ErrMalformed, size)
	}
	whole := make([]byte, size)
	copy(whole, header[:])
	if _, err := io.ReadFull(r, whole[headerSize:]); err != nil {
		return Message{}, err
	}
	_, id, to, opcode, rest, _ := wiremessage.ReadHeader(whole)
	m, ok := Message{RequestID: id, ResponseTo: to}, false
	switch opcode { //nolint:exhaustive // current drivers send no others
	case wiremessage.OpMsg:
		ok = m.parseMsg(rest)
	case opQuery:
		ok = m.parseQuery(rest)
	}
	if !ok || m.Body.Validate() != nil {
		return Message{}, fmt.Errorf("%w: %s", ErrMalformed, opcode)
	}
	return m, nil
}

func (m *Message) parseMsg(rest []byte) (ok bool) {
	if m.Flags, rest, ok = wiremessage.ReadMsgFlags(rest); !ok {
		return false
	}
	if m.Flags&wiremessage.ChecksumPresent != 0 {
		// A checksum guards a wire without TLS, and ours has TLS.
		if len(rest) < 4 {
			return false
		}
		rest = rest[:len(rest)-4]
	}
	var sequences []byte
	for len(rest) > 0 {
		if rest, ok = m.parseSection(rest, &sequences); !ok {
			return false
		}
	}
	if len(sequences) > 0 && len(m.Body) > 4 {
		m.Body = embed(m.Body, sequences)
	}
	return len(m.Body) > 4
}

// parseSection reads the body, or appends a sequence of documents to sequences, as the array that it stands for.
func (m *Message) parseSection(rest []byte, sequences *[]byte) ([]byte, bool) {
	kind, rest, ok := wiremessage.ReadMsgSectionType(rest)
	if !ok {
		return nil, false
	}
	if kind == wiremessage.SingleDocument {
		body, rest, ok := wiremessage.ReadMsgSectionSingleDocument(rest)
		m.Body = bson.Raw(body)
		return rest, ok
	}
	name, documents, rest, ok := wiremessage.ReadMsgSectionDocumentSequence(rest)
	array := bsoncore.NewArrayBuilder()
	for _, document := range documents {
		array.AppendDocument(document)
	}
	*sequences = bsoncore.AppendArrayElement(*sequences, name, array.Build())
	return rest, ok
}

// embed appends elements to a document.
func embed(document bson.Raw, elements []byte) bson.Raw {
	whole := append(append(append([]byte{}, document[:len(document)-1]...), elements...), 0)
	return bson.Raw(bsoncore.UpdateLength(whole, 0, int32(len(whole))))
}

// parseQuery skips the flags before the collection's name and the two numbers behind it: a hello needs neither.
func (m *Message) parseQuery(rest []byte) bool {
	const flags, numbers = 4, 8
	m.Legacy = true
	if len(rest) < flags {
		return false
	}
	_, rest, found := bytes.Cut(rest[flags:], []byte{0})
	if !found || len(rest) < numbers {
		return false
	}
	body, _, ok := bsoncore.ReadDocument(rest[numbers:])
	m.Body = bson.Raw(body)
	return ok
}

// Bytes is the message as it goes over the wire.
func (m *Message) Bytes() []byte {
	opcode := wiremessage.OpMsg
	if m.Legacy {
		opcode = wiremessage.OpReply
	}
	start, out := wiremessage.AppendHeaderStart(nil, m.RequestID, m.ResponseTo, opcode)
	if m.Legacy {
		out = wiremessage.AppendReplyFlags(out, 0)
		out = wiremessage.AppendReplyCursorID(out, 0)
		out = wiremessage.AppendReplyStartingFrom(out, 0)
		out = wiremessage.AppendReplyNumberReturned(out, 1)
	} else {
		out = wiremessage.AppendMsgFlags(out, m.Flags)
		out = wiremessage.AppendMsgSectionType(out, wiremessage.SingleDocument)
	}
	out = append(out, m.Body...)
	return bsoncore.UpdateLength(out, start, int32(len(out)))
}
