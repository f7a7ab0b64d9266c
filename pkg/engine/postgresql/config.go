// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// fileHeader begins every file, for people who find it in a container.
const fileHeader = "# Written by AtlasDB from the DatabaseCluster: change its spec, a change made here is lost.\n"

// Configure renders the files that all members share: ConfigFile and HBAFile.
func (Engine) Configure(spec *v1alpha1.DatabaseClusterSpec, build string) map[string]string {
	return map[string]string{
		ConfigFile: RenderConfig(parametersOf(spec, build)),
		HBAFile:    renderHBA(spec.Network.TLS.Mode),
	}
}

// RenderConfig writes parameters in the syntax of postgresql.conf, sorted by name, every value quoted. The server reads
// back exactly the values that came in, whatever they hold, except NUL, which it cannot hold either.
func RenderConfig(parameters map[string]string) string {
	var b strings.Builder
	b.WriteString(fileHeader)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		b.WriteString(name)
		b.WriteString(" = '")
		writeEscaped(&b, parameters[name])
		b.WriteString("'\n")
	}
	return b.String()
}

// writeEscaped writes a value as it stands between single quotes. The server undoes a doubled quote and backslash
// escapes (DeescapeQuotedString in src/backend/utils/misc/guc-file.l); a control character, above all a line feed,
// would end the line and begin another parameter.
func writeEscaped(b *strings.Builder, value string) {
	for i := range len(value) { // by byte: the server's escapes know nothing of characters
		switch c := value[i]; {
		case c == '\'':
			b.WriteString("''")
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
}
