// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRenderIsReadBack: whatever a text holds, it comes back as it was and adds no element.
func TestRenderIsReadBack(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "plain", " spaces ", "a<b>c</b>&amp;", "</a><users><root/></users>", `"quoted" 'twice'`, "]]>", "<![CDATA[",
		"<!-- no comment -->", "<?xml?>", "line\nfeed\rand\ttab", "größer als 100 €", "\u2028", "&#10;", "%s",
	} {
		content, err := render("clickhouse", group("a", leaf("b", value), secret("c", value)), leaf("d", value))
		must(t, err)
		read, err := ParseConfig(content)
		must(t, err)
		want := map[string]string{"a.b": value, "a.c": value, "d": value}
		if diff := cmp.Diff(want, read); diff != "" {
			t.Errorf("%q (-want +read):\n%s", value, diff)
		}
	}
}

func TestRenderRefusesATagThatIsNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a.b", "<a>", "1a", "-a", "a/", "ä"} {
		if content, err := render("clickhouse", group("a", leaf(name, "x"))); err == nil {
			t.Errorf("%q became %s", name, content)
		}
	}
}

func TestParseConfigCountsTags(t *testing.T) {
	t.Parallel()
	read, err := ParseConfig("<x><a><b>1</b><b>2</b></a><a><b>3</b></a><c/></x>")
	must(t, err)
	want := map[string]string{"a.b": "1", "a.b[1]": "2", "a[1].b": "3", "c": ""}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}
	if _, err := ParseConfig("<x><a></x>"); err == nil {
		t.Error("read what is no XML")
	}
}

func FuzzRenderIsReadBack(f *testing.F) {
	f.Add("a", "</b>")
	f.Fuzz(func(t *testing.T, a, b string) {
		if text(a) != nil || text(b) != nil {
			t.Skip()
		}
		content, err := render("clickhouse", leaf("a", a), group("g", leaf("b", b)))
		must(t, err)
		read, err := ParseConfig(content)
		must(t, err)
		if len(read) != 2 {
			t.Errorf("%q and %q became %v", a, b, read)
		}
	})
}
