// docs/configuration.md, from the tables.
#include <string>

#include "fmt/format.h"
#include "schemas/definition/config_reader.h"
#include "schemas/definition/config_table.h"
#include "schemas/definition/kafka_properties.h"

namespace forebay::definition {
namespace {

constexpr std::string_view kStart = R"(# Configuration: forebay.yaml

<!-- Made from schemas/definition/config_table.cc; its test says how to renew it. Don't edit. -->

A project is a folder with `forebay.yaml`, described here, and definitions in `features/*.yaml`
([definitions.md](definitions.md)). The smallest one that reads from a broker:

```yaml
project: fraud
kafka:
  bootstrap.servers: localhost:9092
```

- Relative folders and files are below the project folder.
- `${NAME}` in a value is replaced by the environment variable NAME, which must be set: for
  passwords, and for what differs between machines. Write `$${` for the two characters themselves.
- Durations are a whole number and one of `us ms s m h d`: `200ms`. Sizes are a whole number and
  one of `B KB MB GB TB` (powers of 1000) or `KiB MiB GiB TiB` (powers of 1024): `64MB`.
- `forebay validate` checks it all, and names the file, line and column of whatever is wrong.

## Entries

| entry | type | default | |
|---|---|---|---|
)";

constexpr std::string_view kNesting = R"(
An entry with a dot is written as a key inside a section:

```yaml
serving:
  address: 0.0.0.0
  http_port: 8080
```

## Object stores

A warehouse in a bucket, of AWS and of another store:

```yaml
warehouse: s3://features-prod/warehouse
s3: {region: eu-west-1}
```

```yaml
warehouse: s3://features/warehouse
s3:
  endpoint: https://minio.example.com:9000
  ca_file: ca.pem
```

Keys and tokens are not written here: they are found where AWS's tools look for them. That, the permissions
that are needed and what happens while the store is away is in [offline.md](offline.md#where-the-tables-live).

## Kafka properties

Everything under `kafka:` goes to librdkafka (version 2.15) as it stands, for consumers and producers
alike; its own documentation lists the properties. Brokers with TLS and a password:

```yaml
kafka:
  bootstrap.servers: broker-1:9093,broker-2:9093
  security.protocol: sasl_ssl
  ssl.ca.location: ca.pem
  sasl.mechanisms: SCRAM-SHA-512
  sasl.username: forebay
  sasl.password: ${KAFKA_PASSWORD}
```

Brokers that know their clients by certificates:

```yaml
kafka:
  bootstrap.servers: broker-1:9093,broker-2:9093
  security.protocol: ssl
  ssl.ca.location: ca.pem
  ssl.certificate.location: forebay.pem
  ssl.key.location: forebay.key
  ssl.key.password: ${KAFKA_KEY_PASSWORD}
```

`ssl.ca.location` is the authority that signed the brokers' certificates; leave it out where it is among the
system's own. Files are looked for from the project folder. `sasl.mechanisms` is PLAIN, SCRAM-SHA-256 or
SCRAM-SHA-512; GSSAPI (Kerberos) and OIDC are not built in. `forebay validate` finds files that are missing or hold
something else. A worker that starts waits for brokers that are away, but ends when they refuse its password, or it
their certificate; one that runs goes on trying.

Records that are fetched ahead of the tasks take memory: 0.4 to 0.9 KB each beside their bytes. Unless set
here, `queued.min.messages` and `queued.max.messages.kbytes`, which count for each partition, are the
partition's share of 100,000 records and of 256 MB. A partition that has its share asks for more after
`fetch.queue.backoff.ms`, 20 ms here.

These are refused, because forebay's guarantees rest on them:

| property | why, and what to do instead |
|---|---|
)";

}  // namespace

std::string ConfigurationPage() {
  std::string page(kStart);
  for (const ConfigEntry& entry : ConfigEntries()) {
    std::string fallback = entry.required           ? "required"
                           : entry.fallback.empty() ? "empty"
                                                    : fmt::format("`{}`", entry.fallback);
    page += fmt::format("| `{}` | {} | {} | {} |\n", entry.name, DescribeType(entry.field),
                        fallback, entry.sentence);
  }
  page += kNesting;
  for (const OwnedProperty& property : OwnedKafkaProperties()) {
    page += fmt::format("| `{}` | {} |\n", property.name, property.reason);
  }
  return page;
}

}  // namespace forebay::definition
