# One image with both programs. It is reproducible: the same commit gives the same bytes, wherever it is checked out.
# `make image` builds the same content for the local Kubernetes without Docker.
FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY pkg pkg
ARG VERSION=""
ARG COMMIT=""
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w \
      -X github.com/atlasdb/atlasdb/pkg/version.version=$VERSION \
      -X github.com/atlasdb/atlasdb/pkg/version.commit=$COMMIT" \
    -o /out/ ./cmd/atlasdb-operator ./cmd/atlasdb-agent

# Nothing else: the programs are static and trust only the certificate authorities that are mounted into their pods.
FROM scratch
COPY --from=build /out/atlasdb-operator /out/atlasdb-agent /
USER 65532:65532
ENTRYPOINT ["/atlasdb-operator"]
