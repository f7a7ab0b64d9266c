module github.com/atlasdb/atlasdb

go 1.26.0

require (
	github.com/jackc/pgx/v5 v5.0.0
	k8s.io/client-go v0.0.0
)

// Stand-ins: the rules judge import paths, not code.
replace (
	github.com/jackc/pgx/v5 => ./standin/pgx
	k8s.io/client-go => ./standin/client-go
)
