// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chdb

package clickhouse

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources are where AtlasDB's statements to a server stand.
var sources = []string{".", "../../agent/clickhouse"}

// noStatements are files with texts that begin like one: grants, which are read with users.xml, and words for people.
var noStatements = []string{"accounts.go", "metrics_table.go"}

var (
	// statementForm is how a statement begins.
	statementForm = regexp.MustCompile(`^(SELECT|CREATE|DROP|ALTER|ATTACH|DETACH|SYSTEM|KILL|SHOW|EXISTS) \S`)
	// verb is where fmt.Sprintf puts a value.
	verb = regexp.MustCompile(`%(\[\d+\])?[a-z]`)
)

// emitted are the statements in the sources, each with where it stands. What is only known when they are made is
// written as a name or a text, whichever the source calls it: a column x, a table `x`, a text 'x'.
func emitted(t *testing.T) map[string]string {
	t.Helper()
	const odd = "it's `odd` \\ \n"
	statements := map[string]string{
		"names that need quotes": "SELECT " + Text(odd) + " FROM " + Quote(odd) + "." + Quote(odd),
	}
	files := token.NewFileSet()
	for _, folder := range sources {
		paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
		must(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || slices.Contains(noStatements, filepath.Base(path)) {
				continue
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			must(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				text := written(e)
				if !ok || !statementForm.MatchString(text) {
					return true
				}
				statements[files.Position(e.Pos()).String()] = verb.ReplaceAllString(text, "1")
				return false
			})
		}
	}
	return statements
}

// written gives the text that an expression makes; "" for one that is no text.
func written(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		if left := written(e.X); left != "" && e.Op == token.ADD {
			return left + operand(e.Y)
		}
	}
	return ""
}

// operand is a part of a text.
func operand(e ast.Expr) string {
	if text := written(e); text != "" {
		return text
	}
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return "x"
	}
	name := ""
	switch called := call.Fun.(type) {
	case *ast.Ident:
		name = called.Name
	case *ast.SelectorExpr:
		name = called.Sel.Name
	}
	if name == "Quote" || name == "FullName" {
		return "`x`"
	}
	return "'x'"
}
