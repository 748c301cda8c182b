#include "schemas/definition/batch_source.h"

#include <optional>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/map_reader.h"
#include "schemas/types/store_uri.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr int64_t kDefaultFilePartitions = 4;
constexpr int64_t kMostFilePartitions = 1024;

void ReadPath(const YamlNode* node, const std::filesystem::path& folder, v1::BatchSource* batch,
              Findings* findings) {
  std::optional<std::string> path = ReadText(node, "path", findings);
  if (!path) return;
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(*path);
  if (!uri.ok()) {
    findings->Add(*node, fmt::format("'{}' is no place of files: expected {}", *path,
                                     std::string(uri.status().message())));
    return;
  }
  batch->set_path(uri->is_file()
                      ? std::filesystem::absolute(folder / uri->path).lexically_normal().string()
                      : uri->ToString());
}

void ReadFileFormat(const YamlNode* node, v1::BatchSource* batch, Findings* findings) {
  std::optional<std::string> format = ReadText(node, "format", findings);
  if (!format) return;
  if (*format == "parquet") {
    batch->set_format(v1::BatchSource::PARQUET);
  } else if (*format == "csv") {
    batch->set_format(v1::BatchSource::CSV);
  } else if (*format == "delta") {
    batch->set_format(v1::BatchSource::DELTA);
  } else {
    findings->Add(*node,
                  fmt::format("unknown format '{}' of files{}", *format,
                              AllowedNames(*format, {"parquet", "csv", "delta"}, "formats")));
  }
}

// Where Kafka's timestamps are the known times, a column of the files has them, the event time if
// none is named; else the files say it as the records do.
void ReadKnownTimeOfFiles(const YamlNode* node, v1::Source* source, Findings* findings) {
  v1::BatchSource& batch = *source->mutable_batch();
  batch.set_known_time_column(source->known_time() == v1::Source::COLUMN
                                  ? source->known_time_column()
                                  : source->event_time());
  std::optional<std::string> name = ReadText(node, "known_time", findings);
  if (!name || *name == batch.known_time_column()) return;
  if (source->known_time() != v1::Source::KAFKA) {
    findings->Add(*node, fmt::format("the known time of this source is its column '{}', in files "
                                     "too: leave known_time out here; it names the column that "
                                     "stands for Kafka's timestamps where those are the known "
                                     "times",
                                     batch.known_time_column()));
    return;
  }
  const v1::Field* column = FindColumn(source->schema(), *name);
  if (column != nullptr && column->type() != v1::TIMESTAMP) {
    findings->Add(*node, fmt::format("known_time must be a timestamp column: '{}' is {}", *name,
                                     TypeName(column->type())));
    return;
  }
  batch.set_known_time_column(*name);
}

// The records of a fed topic carry the known times as the files do.
void ReadFeed(const YamlNode* node, const YamlNode* known_time, v1::Source* source,
              Findings* findings) {
  v1::BatchSource& batch = *source->mutable_batch();
  batch.set_feed(ReadOnOrOff(node, "feed", findings).value_or(false));
  if (!batch.feed()) return;
  if (source->topic().empty()) {
    findings->Add(*node,
                  "files are fed into a topic, which the source lacks: name one with the key "
                  "'topic'; forebay makes it");
  }
  if (source->format() == v1::Source::PROTOBUF)
    findings->Add(*node, "rows of files are fed as JSON: leave out the format protobuf");
  if (source->known_time() != v1::Source::KAFKA) return;
  if (known_time != nullptr) {
    return findings->Add(
        *known_time,
        "the known times of a fed topic are those of the files' rows: name a column "
        "of the schema, or leave known_time out for the event time");
  }
  if (batch.known_time_column() == source->event_time())
    return source->set_known_time(v1::Source::EVENT_TIME);
  if (FindColumn(source->schema(), batch.known_time_column()) == nullptr) {
    return findings->Add(*node, fmt::format("the records of a fed topic carry the known time: add "
                                            "the column '{}' to the schema, as a timestamp",
                                            batch.known_time_column()));
  }
  source->set_known_time(v1::Source::COLUMN);
  source->set_known_time_column(batch.known_time_column());
}

// By partition, the offset of the first record of the topic that the files do not have.
void ReadUntilOffsets(const YamlNode& node, v1::BatchSource* batch, Findings* findings) {
  const std::vector<YamlNode::Pointer>* offsets = ReadList(&node, "until", findings);
  if (offsets == nullptr) return;
  for (const YamlNode::Pointer& item : *offsets) {
    const bool plain = item->kind == YamlNode::Kind::kScalar && item->plain;
    std::optional<int64_t> offset = plain ? ParseInteger(item->text) : std::nullopt;
    if (!offset || *offset < 0) {
      findings->Add(
          *item, fmt::format("an offset must be a whole number, 0 or more, found {}",
                             item->kind == YamlNode::Kind::kScalar ? fmt::format("'{}'", item->text)
                                                                   : std::string(KindName(*item))));
    }
    batch->add_until_offsets(offset.value_or(0));
  }
}

void ReadUntil(const YamlNode& map, const YamlNode* node, v1::Source* source, Findings* findings) {
  if (node != nullptr && source->batch().feed()) {
    return findings->Add(*node, "files that are fed into a topic have no end: leave until out");
  }
  if (node == nullptr) {
    if (source->topic().empty() || source->batch().feed()) return;
    findings->Add(map, fmt::format("the batch of a source with a topic lacks the key 'until': what "
                                   "is known before that time is read from files, the rest from "
                                   "topic '{}'; or say `feed: on`, and the topic is made of them",
                                   source->topic()));
    return;
  }
  if (node->kind == YamlNode::Kind::kSequence) {
    if (!source->topic().empty()) return ReadUntilOffsets(*node, source->mutable_batch(), findings);
    return findings->Add(*node,
                         "offsets say where a topic goes on, and the source has none: name it with "
                         "the key 'topic', or write a time");
  }
  std::optional<std::string> text = ReadText(node, "until", findings);
  if (!text) return;
  absl::StatusOr<int64_t> time = ParseTime(*text);
  if (time.ok()) return source->mutable_batch()->set_until_us(*time);
  findings->Add(*node, fmt::format("'{}' is no time: write it as 2026-01-01T00:00:00Z{}", *text,
                                   source->topic().empty()
                                       ? ""
                                       : "; or the offset of each partition of the topic where the "
                                         "files end, as [1200, 3400, 990]"));
}

void ReadPartitions(const YamlNode* node, v1::Source* source, Findings* findings) {
  if (!source->topic().empty() && !source->batch().feed()) {
    if (node == nullptr) return;
    findings->Add(*node, fmt::format("the files have the partitions of topic '{}': leave "
                                     "partitions out",
                                     source->topic()));
    return;
  }
  source->mutable_batch()->set_partitions(
      static_cast<int32_t>(ReadInteger(node, "partitions", 1, kMostFilePartitions, findings)
                               .value_or(kDefaultFilePartitions)));
}

}  // namespace

void ReadBatchSource(const YamlNode& node, const YamlNode* known_time,
                     const std::filesystem::path& folder, v1::Source* source, Findings* findings) {
  MapReader map(node, "the batch of a source",
                {"path", "format", "known_time", "feed", "until", "partitions", "max_disorder"},
                findings);
  if (!map.is_map()) return;
  v1::BatchSource& batch = *source->mutable_batch();
  ReadPath(map.Require("path"), folder, &batch, findings);
  ReadFileFormat(map.Get("format"), &batch, findings);
  ReadKnownTimeOfFiles(map.Get("known_time"), source, findings);
  ReadFeed(map.Get("feed"), known_time, source, findings);
  ReadUntil(node, map.Get("until"), source, findings);
  ReadPartitions(map.Get("partitions"), source, findings);
  batch.set_max_disorder_us(ReadDuration(map.Get("max_disorder"), findings).value_or(0));
}

}  // namespace forebay::definition
