// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Asks libchdb, which is the current ClickHouse as a library: `ask LIBRARY [ARGUMENT...]` reads a statement a line and
// answers each with "ok" or "error" and the number of bytes that follow. The arguments are the library's own, such as
// --config-file=FILE. For tests only.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *library;

static void *function(const char *name) {
	void *found = dlsym(library, name);
	if (found == NULL) {
		fprintf(stderr, "libchdb has no %s: %s\n", name, dlerror());
		exit(2);
	}
	return found;
}

static void answer(const char *kind, const char *text, size_t length) {
	printf("%s %zu\n", kind, length);
	fwrite(text, 1, length, stdout);
	fflush(stdout);
}

int main(int argc, char **argv) {
	if (argc < 2 || (library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL)) == NULL) {
		fprintf(stderr, "no library: %s\n", argc < 2 ? "which?" : dlerror());
		return 2;
	}
	void **(*connect)(int, char **) = function("chdb_connect");
	void *(*query)(void *, const char *, const char *) = function("chdb_query");
	const char *(*error)(void *) = function("chdb_result_error");
	char *(*buffer)(void *) = function("chdb_result_buffer");
	size_t (*length)(void *) = function("chdb_result_length");
	void (*destroy)(void *) = function("chdb_destroy_query_result");

	void **connection = connect(argc - 1, argv + 1);
	if (connection == NULL) {
		return 3; // the library has said why
	}
	static char statement[1 << 20];
	while (fgets(statement, sizeof statement, stdin) != NULL) {
		statement[strcspn(statement, "\n")] = '\0';
		void *result = query(*connection, statement, "TabSeparatedRaw");
		const char *wrong = error(result);
		if (wrong != NULL) {
			answer("error", wrong, strlen(wrong));
		} else {
			answer("ok", buffer(result), length(result));
		}
		destroy(result);
	}
	_exit(0); // to close a connection may hang, and there is nothing to keep
}
