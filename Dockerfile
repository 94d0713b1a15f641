# .git comes along for the commit that "ostiary version" prints.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /out/ostiary ./cmd/ostiary && mkdir /out/data

# Nothing but the program, the authorities that it trusts and a folder for
# SQLite, whose default is ./data. The root file system may be mounted read-only.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ostiary /ostiary
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV OSTIARY_LISTEN=:18080
EXPOSE 18080
ENTRYPOINT ["/ostiary"]
CMD ["serve"]
