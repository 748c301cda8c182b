#include "schemas/definition/config_table.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/definition/map_reader.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr int64_t kMillisecond = 1'000;
constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kKilobyte = 1'000;
constexpr int64_t kGigabyte = 1'000'000'000;
constexpr int64_t kTerabyte = 1'000 * kGigabyte;

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsProjectName(const std::string& text) {
  return !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == '_' || c == '-'; });
}

// Group and worker names become parts of Kafka's ids and of metrics.
bool IsPlainId(const std::string& text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
  });
}

bool IsAddress(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed;
  return inet_pton(AF_INET, text.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), parsed.data()) == 1;
}

// Without user, query and fragment: it is shown in messages.
bool IsEndpoint(const std::string& text) {
  size_t scheme = text.find("://");
  if (scheme == std::string::npos) return false;
  std::string host = text.substr(scheme + 3);
  return (text.starts_with("http://") || text.starts_with("https://")) && !host.empty() &&
         host[0] != '/' && host.find_first_of("@?# ") == std::string::npos;
}

bool IsRegion(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return IsLowerOrDigit(c) || c == '-'; });
}

bool IsLineageNamespace(const std::string& text) {
  return !text.empty() && text.size() <= 256 && text.find_first_of(" \t\n") == std::string::npos;
}

constexpr std::string_view kLineageNamespaceForm = "at most 256 bytes without spaces";
constexpr std::string_view kIdForm = "at most 128 letters, digits, '.', '_' and '-'";

// In the order of their enums.
constexpr std::string_view kDeliveries[] = {"exactly_once", "at_least_once"};
constexpr std::string_view kParquetEncodings[] = {"compatible", "compact"};
constexpr std::string_view kSwitch[] = {"off", "on"};

constexpr std::string_view kAddressingStyles[] = {"auto", "path", "virtual"};

void SetAddressingStyle(size_t chosen, ProjectConfig* config) {
  config->s3.addressing_style = static_cast<S3AddressingStyle>(chosen);
}

void SetDelivery(size_t chosen, ProjectConfig* config) {
  config->delivery = static_cast<Delivery>(chosen);
}

void SetParquetEncoding(size_t chosen, ProjectConfig* config) {
  config->parquet_encoding = static_cast<ParquetEncoding>(chosen);
}

void SetUpkeep(size_t chosen, ProjectConfig* config) { config->upkeep = chosen == 1; }

const std::array kEntries = {
    ConfigEntry{"project",
                "The name of the project: topics, the consumer group and Delta transactions carry "
                "it, so it never changes.",
                "", true,
                TextField{&ProjectConfig::project, IsProjectName,
                          "at most 64 lower-case letters, digits, '_' and '-', beginning with a "
                          "letter"}},
    ConfigEntry{"kafka",
                "librdkafka properties, passed through: brokers, security, timeouts. Those that "
                "the engine owns are refused, see below.",
                "", false, KafkaField{}},
    ConfigEntry{"group", "The consumer group that the workers of the project share.",
                "forebay-<project>", false, TextField{&ProjectConfig::group, IsPlainId, kIdForm}},
    ConfigEntry{"worker_id",
                "Names this worker within the group, for static membership and for its "
                "transactions: two workers that run at a time need two ids.",
                "0", false, TextField{&ProjectConfig::worker_id, IsPlainId, kIdForm}},
    ConfigEntry{"state", "The folder of the online state and of the change log.", "./state", false,
                FolderField{&ProjectConfig::state}},
    ConfigEntry{"warehouse",
                "Where the offline tables are: a path, file:// and an absolute path, or "
                "s3://bucket/path.",
                "./warehouse", false, StoreField{&ProjectConfig::warehouse}},
    ConfigEntry{"catalog_interval", "How often a worker looks for what is new in the catalog.",
                "1s", false,
                DurationField{&ProjectConfig::catalog_interval_us, 10 * kMillisecond, kDay}},
    ConfigEntry{"task_threads", "Threads that run tasks; tasks are spread over them.", "2", false,
                IntegerField{&ProjectConfig::task_threads, 1, 256}},
    ConfigEntry{"commit_interval",
                "The longest time between two commits of a task; 2s, if that is longer, while all "
                "tasks of the worker are behind.",
                "200ms", false,
                DurationField{&ProjectConfig::commit_interval_us, kMillisecond, 30 * kSecond}},
    ConfigEntry{"state_interval",
                "The longest time between two commits that write the state to disk, too. A worker "
                "that was killed reads again what came after the last one.",
                "10s", false,
                DurationField{&ProjectConfig::state_interval_us, kMillisecond, 600 * kSecond}},
    ConfigEntry{"commit_bytes",
                "A task commits before its interval is over when it has made this much.", "16MB",
                false, SizeField{&ProjectConfig::commit_bytes, kKilobyte, 4 * kGigabyte}},
    ConfigEntry{
        "stop_timeout",
        "How long a worker that is asked to stop waits for brokers that are away, to commit "
        "what it has applied. It ends at most as long again, or 8s, later; the next start "
        "reads again what was not committed.",
        "20s", false,
        DurationField{&ProjectConfig::stop_timeout_us, 100 * kMillisecond, 600 * kSecond}},
    ConfigEntry{"flush_interval",
                "The longest time that change records stay in the change log before they are "
                "committed to the offline table.",
                "1m", false,
                DurationField{&ProjectConfig::flush_interval_us, 10 * kMillisecond, kDay}},
    ConfigEntry{
        "flush_bytes",
        "The change logs of a worker go to the offline tables early when they are this large "
        "together.",
        "64MB", false, SizeField{&ProjectConfig::flush_bytes, kKilobyte, 64 * kGigabyte}},
    ConfigEntry{"hot_map_bytes",
                "Memory for decoded state in front of RocksDB, for the whole worker; 0 turns it "
                "off.",
                "1GB", false, SizeField{&ProjectConfig::hot_map_bytes, 0, 100 * kTerabyte}},
    ConfigEntry{"block_cache_bytes",
                "Memory for RocksDB's block cache and write buffers, for the whole worker.",
                "256MB", false,
                SizeField{&ProjectConfig::block_cache_bytes, 1'000 * kKilobyte, 100 * kTerabyte}},
    ConfigEntry{"delivery",
                "How updates reach the update topic: exactly_once sends them in Kafka "
                "transactions; at_least_once sends them within milliseconds and may repeat some "
                "after a crash.",
                "exactly_once", false, ChoiceField{kDeliveries, SetDelivery}},
    ConfigEntry{"ready_lag",
                "How many records a partition may still lack, of those that it held when this "
                "worker got it, for the worker to be ready. Later ones are not waited for.",
                "0", false, IntegerField{&ProjectConfig::ready_lag, 0, 1'000'000'000'000}},
    ConfigEntry{"replication_factor",
                "Replicas of the topics that forebay creates; -1 takes the broker's default.", "-1",
                false, IntegerField{&ProjectConfig::replication_factor, -1, 32, false}},
    ConfigEntry{"offline.parquet_encoding",
                "How doubles lie in offline tables and training sets: compatible is read by every "
                "engine as it is set up by default; compact is a tenth smaller where values hardly "
                "repeat, but larger where they do, slower to read, and refused by Spark 4.2.",
                "compatible", false, ChoiceField{kParquetEncodings, SetParquetEncoding}},
    ConfigEntry{"offline.upkeep",
                "Whether the worker keeps its offline tables in order: on merges small files and "
                "removes what no version within offline.retention needs; off leaves that to "
                "`forebay compact` and `forebay vacuum`.",
                "on", false, ChoiceField{kSwitch, SetUpkeep}},
    ConfigEntry{"offline.upkeep_interval", "How often the worker looks whether there is upkeep.",
                "1m", false,
                DurationField{&ProjectConfig::upkeep_interval_us, 10 * kMillisecond, kDay}},
    ConfigEntry{"offline.upkeep_cpu",
                "What upkeep may take of one core, in per cent, at the lowest priority.", "50",
                false, IntegerField{&ProjectConfig::upkeep_cpu_percent, 1, 100}},
    ConfigEntry{"offline.upkeep_rate", "How many bytes of files upkeep writes per second at most.",
                "64MB", false,
                SizeField{&ProjectConfig::upkeep_bytes_per_second, kKilobyte, 100 * kGigabyte}},
    ConfigEntry{
        "offline.compaction_memory", "Memory that a merge of files takes, about.", "256MB", false,
        SizeField{&ProjectConfig::compaction_memory_bytes, 1'000 * kKilobyte, 100 * kTerabyte}},
    ConfigEntry{"offline.file_size", "How large the files of a table become by merging.", "256MB",
                false, SizeField{&ProjectConfig::table_file_bytes, kKilobyte, 100 * kGigabyte}},
    ConfigEntry{"offline.retention",
                "How far back the versions of tables can be read, after which their files are "
                "removed. (The rows of the newest version are kept for good.)",
                "30d", false,
                DurationField{&ProjectConfig::table_retention_us, kSecond, 36'500 * kDay}},
    ConfigEntry{"offline.cold",
                "Where old dates of the offline tables are moved to, written as `warehouse` is; "
                "without it they stay.",
                "", false, OptionalStoreField{&ProjectConfig::cold}},
    ConfigEntry{"offline.cold_after", "How old a date is when it is moved to offline.cold.", "90d",
                false, DurationField{&ProjectConfig::cold_after_us, kSecond, 36'500 * kDay}},
    ConfigEntry{"verify.every",
                "How often the worker compares what its states, update topics and tables say of "
                "each key, as `forebay verify` does, at low priority; without it, never.",
                "", false,
                DurationField{&ProjectConfig::verify_every_us, 100 * kMillisecond, 30 * kDay}},
    ConfigEntry{"openlineage.file",
                "A file that OpenLineage events of workers, backfills, training sets and "
                "compactions are appended to, a line each; without it, to none.",
                "", false, FileField{&ProjectConfig::openlineage_file}},
    ConfigEntry{"openlineage.url",
                "Where they are sent over HTTP: a receiver, which has /api/v1/lineage, or all of "
                "the URL; without it, nowhere.",
                "", false,
                TextField{&ProjectConfig::openlineage_url, IsEndpoint,
                          "http:// or https://, a host and maybe a port and a path, as in "
                          "http://marquez:5000"}},
    ConfigEntry{"openlineage.api_key_file",
                "A file with the key that they are sent with, as a bearer token.", "", false,
                FileField{&ProjectConfig::openlineage_api_key_file}},
    ConfigEntry{"openlineage.every", "How often a worker sends one while it runs.", "5m", false,
                DurationField{&ProjectConfig::openlineage_every_us, 100 * kMillisecond, kDay}},
    ConfigEntry{"openlineage.namespace", "The namespace of jobs. Without it: the project's name.",
                "", false,
                TextField{&ProjectConfig::openlineage_namespace, IsLineageNamespace,
                          kLineageNamespaceForm}},
    ConfigEntry{"openlineage.kafka_namespace",
                "The namespace of topics, as other programs that write and read them have it. "
                "Without it: kafka:// and the first of the bootstrap servers.",
                "", false,
                TextField{&ProjectConfig::openlineage_kafka_namespace, IsLineageNamespace,
                          kLineageNamespaceForm}},
    ConfigEntry{"s3.endpoint",
                "The URL of the object store, where it is not that of AWS. Without it: "
                "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, `endpoint_url` of the profile, AWS.",
                "", false,
                TextField{&S3Settings::endpoint, IsEndpoint,
                          "http:// or https://, a host and maybe a port, as in "
                          "https://minio.example.com:9000"}},
    ConfigEntry{"s3.region",
                "The region of the bucket. Without it: AWS_REGION, AWS_DEFAULT_REGION, `region` of "
                "the profile, us-east-1.",
                "", false,
                TextField{&S3Settings::region, IsRegion, "lower-case letters, digits and '-'"}},
    ConfigEntry{"s3.addressing_style",
                "Where the bucket's name goes: path, into the path of the URL; virtual, in front "
                "of the host; auto, path where there is an endpoint, virtual for AWS.",
                "auto", false, ChoiceField{kAddressingStyles, SetAddressingStyle}},
    ConfigEntry{
        "s3.ca_file",
        "The certificates, PEM, of who may sign the store's. Without it: AWS_CA_BUNDLE, the "
        "system's.",
        "", false, FileField{&S3Settings::ca_file}},
    ConfigEntry{"s3.request_timeout",
                "How long a request may get nowhere, without a byte either way, until its "
                "connection is given up.",
                "30s", false,
                DurationField{&S3Settings::request_timeout_us, kSecond, 600 * kSecond}},
    ConfigEntry{
        "s3.retry_for",
        "How long a request is tried again that the store cannot answer for the time being. "
        "What fails then is tried again later by who asked.",
        "20s", false, DurationField{&S3Settings::retry_for_us, kMillisecond, 600 * kSecond}},
    ConfigEntry{"serving.address",
                "The address that the HTTP and gRPC servers listen on; 0.0.0.0 for all.",
                "127.0.0.1", false,
                TextField{&ProjectConfig::serving_address, IsAddress,
                          "a numeric IP address such as 127.0.0.1"}},
    ConfigEntry{"serving.http_port", "The port of HTTP/JSON and metrics; 0 takes any free one.",
                "8080", false, IntegerField{&ProjectConfig::serving_http_port, 0, 65535}},
    ConfigEntry{"serving.grpc_port", "The port of gRPC; 0 takes any free one.", "8081", false,
                IntegerField{&ProjectConfig::serving_grpc_port, 0, 65535}},
};

std::optional<std::string> SetInteger(const IntegerField& field, const std::string& text,
                                      ProjectConfig* config) {
  std::optional<int64_t> number = ParseInteger(text);
  bool fits = number && *number >= field.least && *number <= field.most &&
              (*number != 0 || field.zero_allowed);
  if (!fits) return DescribeType(field);
  config->*field.member = *number;
  return std::nullopt;
}

std::optional<std::string> SetBounded(absl::StatusOr<int64_t> number, const ConfigField& field,
                                      Member<int64_t> member, int64_t least, int64_t most,
                                      ProjectConfig* config) {
  if (!number.ok() || *number < least || *number > most) return DescribeType(field);
  member.In(config) = *number;
  return std::nullopt;
}

// What is relative is below `folder`.
absl::StatusOr<StoreUri> ReadStore(const std::string& text, const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(StoreUri uri, StoreUri::Parse(text));
  if (!uri.is_file()) return uri;
  return StoreUri::Folder((folder / uri.path).lexically_normal().string());
}

std::optional<std::string> SetStore(const std::string& text, const std::filesystem::path& folder,
                                    const std::function<void(StoreUri)>& set) {
  absl::StatusOr<StoreUri> uri = ReadStore(text, folder);
  if (!uri.ok()) return std::string(uri.status().message());
  set(*std::move(uri));
  return std::nullopt;
}

std::optional<std::string> SetFolder(const FolderField& field, const std::string& text,
                                     const std::filesystem::path& folder, ProjectConfig* config) {
  absl::StatusOr<StoreUri> uri = ReadStore(text, folder);
  if (!uri.ok() || !uri->is_file()) return "a path, or file:// and an absolute path";
  config->*field.member = uri->path;
  return std::nullopt;
}

std::optional<std::string> SetChoice(const ChoiceField& field, const std::string& text,
                                     ProjectConfig* config) {
  auto chosen = std::find(field.names.begin(), field.names.end(), text);
  if (chosen == field.names.end()) return DescribeType(field);
  field.set(chosen - field.names.begin(), config);
  return std::nullopt;
}

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

std::span<const ConfigEntry> ConfigEntries() { return kEntries; }

std::string DescribeType(const ConfigField& field) {
  return std::visit(
      Overloaded{
          [](const TextField& f) { return fmt::format("text: {}", f.form); },
          [](const IntegerField& f) {
            return fmt::format("a whole number, {} to {}{}", f.least, f.most,
                               f.zero_allowed ? "" : ", not 0");
          },
          [](const DurationField& f) {
            return fmt::format("a duration, {} to {}", FormatDuration(f.least),
                               FormatDuration(f.most));
          },
          [](const SizeField& f) {
            return fmt::format("a size, {} to {}", FormatByteSize(f.least), FormatByteSize(f.most));
          },
          [](const FolderField&) { return std::string("a folder"); },
          [](const FileField&) { return std::string("a file"); },
          [](const StoreField&) { return std::string("a folder, or an s3:// URI"); },
          [](const OptionalStoreField&) { return std::string("a folder, or an s3:// URI"); },
          [](const ChoiceField& f) { return fmt::format("{}", fmt::join(f.names, " or ")); },
          [](const KafkaField&) { return std::string("a map of properties"); },
      },
      field);
}

std::optional<std::string> SetFromText(const ConfigField& field, const std::string& text,
                                       const std::filesystem::path& folder, ProjectConfig* config) {
  using Expected = std::optional<std::string>;
  return std::visit(
      Overloaded{
          [&](const TextField& f) -> Expected {
            if (!f.valid(text)) return DescribeType(f);
            f.member.In(config) = text;
            return std::nullopt;
          },
          [&](const IntegerField& f) { return SetInteger(f, text, config); },
          [&](const DurationField& f) {
            return SetBounded(ParseDuration(text), f, f.member, f.least, f.most, config);
          },
          [&](const SizeField& f) {
            return SetBounded(ParseByteSize(text), f, f.member, f.least, f.most, config);
          },
          [&](const FolderField& f) { return SetFolder(f, text, folder, config); },
          [&](const FileField& f) -> Expected {
            f.member.In(config) = (folder / text).lexically_normal().string();
            return std::nullopt;
          },
          [&](const StoreField& f) {
            return SetStore(text, folder,
                            [&](StoreUri uri) { config->*f.member = std::move(uri); });
          },
          [&](const OptionalStoreField& f) {
            return SetStore(text, folder,
                            [&](StoreUri uri) { config->*f.member = std::move(uri); });
          },
          [&](const ChoiceField& f) { return SetChoice(f, text, config); },
          [](const KafkaField&) -> Expected { return "a map of properties"; },
      },
      field);
}

}  // namespace forebay::definition
