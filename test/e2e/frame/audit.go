// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// operatorUser is who the operator is to the API server.
const operatorUser = "system:serviceaccount:atlasdb-system:atlasdb-operator"

// Request is one line of the audit log, as far as the tests read it (audit.k8s.io/v1 Event).
type Request struct {
	Verb string `json:"verb"`
	User struct {
		Username string              `json:"username"`
		Extra    map[string][]string `json:"extra"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	StageTimestamp time.Time `json:"stageTimestamp"`
	Stage          string    `json:"stage"`
}

// IsWrite says whether the request may have changed something.
func (r Request) IsWrite() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

func (r Request) String() string {
	resource := r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		resource += "/" + r.ObjectRef.Subresource
	}
	return fmt.Sprintf("%s %s %s/%s (%d)", r.Verb, resource, r.ObjectRef.Namespace, r.ObjectRef.Name,
		r.ResponseStatus.Code)
}

// ByOperator is what the operator asked, its own Lease left out.
func (r Request) ByOperator() bool {
	return r.User.Username == operatorUser && r.ObjectRef.Namespace != "atlasdb-system"
}

// Member gives the database pod of a namespace that asked, "" for other users.
func (r Request) Member(ns string) string {
	if !strings.HasPrefix(r.User.Username, "system:serviceaccount:"+ns+":") {
		return ""
	}
	if pods := r.User.Extra["authentication.kubernetes.io/pod-name"]; len(pods) > 0 {
		return pods[0]
	}
	return ""
}

// RequestsSince reads the audit log: what was asked from a time on, and is of interest. The API server writes a line
// before it answers, so what a test has seen happen is in the log. Where there is no log the test is skipped.
func (f *Frame) RequestsSince(from time.Time, wanted func(Request) bool) []Request {
	f.Helper()
	path := os.Getenv("ATLASDB_AUDIT_LOG")
	if path == "" {
		f.Skip("NOT CHECKED: ATLASDB_AUDIT_LOG is not set, and on this cluster nobody can count requests")
	}
	file, err := os.Open(path)
	f.Must(err)
	defer func() { _ = file.Close() }()
	var found []Request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(`"stage":"ResponseComplete"`)) &&
			!bytes.Contains(lines.Bytes(), []byte(`"verb":"watch"`)) {
			continue
		}
		var r Request
		f.Must(json.Unmarshal(lines.Bytes(), &r))
		if r.StageTimestamp.After(from) && wanted(r) {
			found = append(found, r)
		}
	}
	f.Must(lines.Err())
	return found
}
