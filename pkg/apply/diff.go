// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	stdjson "encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
)

// Difference gives the path of the first field of wanted that cached has otherwise, such as "spec.ports[0].port", and
// "" when there is none. Fields that wanted does not mention are not looked at, so defaults and other writers' fields
// never count. Lists count as a whole (equal length, element by element) except owner references and finalizers, to
// which others may add.
func Difference(wanted runtime.ApplyConfiguration, cached metav1.Object) (string, error) {
	want, err := toMap(wanted)
	if err != nil {
		return "", err
	}
	have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(cached)
	if err != nil {
		return "", fmt.Errorf("converting cached %s: %w", cached.GetName(), err)
	}
	// The informers' objects carry no type; it is known to be equal because the typed listers are asked by kind.
	delete(want, "apiVersion")
	delete(want, "kind")
	return differenceInMap("", want, have), nil
}

func toMap(wanted runtime.ApplyConfiguration) (map[string]any, error) {
	encoded, err := stdjson.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("encoding apply configuration: %w", err)
	}
	var m map[string]any
	// This decoder gives int64 where the converter of cached objects does; the standard one would give float64.
	if err := json.Unmarshal(encoded, &m); err != nil {
		return nil, fmt.Errorf("decoding apply configuration: %w", err)
	}
	return m, nil
}

func differenceInMap(path string, want, have map[string]any) string {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		at := key
		if path != "" {
			at = path + "." + key
		}
		if d := difference(at, want[key], have[key]); d != "" {
			return d
		}
	}
	return ""
}

func difference(path string, want, have any) string {
	switch want := want.(type) {
	case map[string]any:
		haveMap, ok := have.(map[string]any)
		if !ok && len(want) > 0 {
			return path
		}
		return differenceInMap(path, want, haveMap)
	case []any:
		haveList, ok := have.([]any)
		if !ok && len(want) > 0 {
			return path
		}
		if isOpenList(path) {
			return missingFromOpenList(path, want, haveList)
		}
		return differenceInList(path, want, haveList)
	}
	if !reflect.DeepEqual(want, have) {
		return path
	}
	return ""
}

func differenceInList(path string, want, have []any) string {
	if len(want) != len(have) {
		return path
	}
	for i := range want {
		if d := difference(path+"["+strconv.Itoa(i)+"]", want[i], have[i]); d != "" {
			return d
		}
	}
	return ""
}

// isOpenList tells the lists to which other writers may add without undoing our part.
func isOpenList(path string) bool {
	return path == "metadata.ownerReferences" || path == "metadata.finalizers"
}

func missingFromOpenList(path string, want, have []any) string {
	for i := range want {
		found := slices.ContainsFunc(have, func(h any) bool { return difference(path, want[i], h) == "" })
		if !found {
			return path + "[" + strconv.Itoa(i) + "]"
		}
	}
	return ""
}
