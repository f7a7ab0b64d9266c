// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command crd-schema prints the OpenAPI v2 schema of the kinds of a folder of CRDs, as the API server itself derives
// it from them. applyconfiguration-gen builds the field-management schema of the typed clients from it, so the CRDs
// stay the only source of what is a list map, a set or atomic.
//
// Usage: crd-schema FOLDER GO-PACKAGE-OF-THE-TYPES.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	openapiv2 "k8s.io/apiextensions-apiserver/pkg/controller/openapi/v2"
	generatedopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: crd-schema FOLDER GO-PACKAGE-OF-THE-TYPES")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "crd-schema:", err)
		os.Exit(1)
	}
}

func run(folder, goPackage string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no CRD in %s", folder)
	}
	definitions := metaDefinitions()
	for _, file := range files {
		kind, root, err := rootSchema(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		root.Properties["metadata"] = *refTo(metav1.ObjectMeta{}.OpenAPIModelName())
		// applyconfiguration-gen looks a type up by the reversed path of its Go package and, when the key differs,
		// says nothing and treats every list as atomic.
		definitions[util.ToRESTFriendlyName(goPackage+"."+kind)] = *root
	}
	out := spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Swagger:     "2.0",
		Info:        &spec.Info{InfoProps: spec.InfoProps{Title: "AtlasDB", Version: "unversioned"}},
		Paths:       &spec.Paths{},
		Definitions: definitions,
	}}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// rootSchema reads one CRD and returns its kind and the schema that the API server uses for field management.
func rootSchema(file string) (string, *spec.Schema, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		return "", nil, err
	}
	if n := len(crd.Spec.Versions); n != 1 {
		return "", nil, fmt.Errorf("%d versions, want 1", n)
	}
	var props apiextensions.JSONSchemaProps
	convert := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps
	if err := convert(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return "", nil, err
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return "", nil, err
	}
	bare := structural.Unfold().StripValueValidations().StripNullable()
	return crd.Spec.Names.Kind, openapiv2.ToStructuralOpenAPIV2(bare).ToKubeOpenAPI(), nil
}

// metaDefinitions are the definitions of ObjectMeta and all that it refers to, in their OpenAPI v2 form.
func metaDefinitions() spec.Definitions {
	definitions := spec.Definitions{}
	for name, d := range generatedopenapi.GetOpenAPIDefinitions(toRef) {
		if v2, ok := d.Schema.Extensions[common.ExtensionV2Schema].(spec.Schema); ok {
			definitions[name] = v2
			continue
		}
		definitions[name] = d.Schema
	}
	return definitions
}

func refTo(name string) *spec.Schema {
	return &spec.Schema{SchemaProps: spec.SchemaProps{Ref: toRef(name)}}
}

func toRef(name string) spec.Ref { return spec.MustCreateRef("#/definitions/" + name) }
