# holdfast alone, static, in an image without a shell: some 30 MB. The same sources
# give the same binary, whoever builds it and wherever; pin both base images to a
# digest to have the same image, too:
#
#   docker build --build-arg COMMIT=$(git rev-parse --short HEAD) --tag holdfast .
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG COMMIT=
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.commit=$COMMIT" -o /holdfast ./cmd/holdfast

# CA certificates, time zones and the user nonroot, nothing else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /holdfast /holdfast
USER 65532:65532
EXPOSE 8000 8001 8002
ENTRYPOINT ["/holdfast"]
