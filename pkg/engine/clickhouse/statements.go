// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "strings"

// Quote writes the name of a database, table or column as it stands in a statement, whatever it holds.
func Quote(identifier string) string { return "`" + escape.Replace(identifier) + "`" }

// Text writes a text as it stands in a statement, whatever it holds.
func Text(value string) string { return "'" + escape.Replace(value) + "'" }

// escape is of both: the server's lexer takes a backslash for an escape between any quotes.
var escape = strings.NewReplacer(`\`, `\\`, "'", `\'`, "`", "\\`", "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
