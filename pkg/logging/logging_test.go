// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

func TestLogFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		Text: `(?s)^I.* logging_test.go:\d+\] "Wrote object" object="shop/orders"\n` +
			`I.* "Decided" writes=2\n` +
			`E.* "Sync failed" err="quota exceeded"\n$`,
		JSON: `^{"time":"[^"]+","v":0,"msg":"Wrote object","object":{"name":"orders","namespace":"shop"}}\n` +
			`{"time":"[^"]+","v":2,"msg":"Decided","writes":2}\n` +
			`{"time":"[^"]+","level":"error","msg":"Sync failed","err":"quota exceeded"}\n$`,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			logger := New(&out, format, 2)
			logger.Info("Wrote object", "object", klog.KRef("shop", "orders"))
			logger.V(2).Info("Decided", "writes", 2)
			logger.V(3).Info("Looked closely")
			logger.Error(errors.New("quota exceeded"), "Sync failed")
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("log is\n%swant a match of\n%s", out.String(), want)
			}
		})
	}
}
