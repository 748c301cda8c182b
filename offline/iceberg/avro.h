// The Avro encoding, and object container files of it, as far as Iceberg's metadata needs them.
//
//   AvroEncoder row;
//   row.Long(7);
//   row.Text("file:///data/part-1.parquet");
//   std::string file = EncodeAvroFile({.metadata = {{"avro.schema", schema}},
//                                      .records = 1, .body = row.bytes()});
//
// Schemas are text, which is written as it is: Iceberg finds fields by an attribute of theirs,
// `field-id`, which libraries that parse schemas lose.
#ifndef FOREBAY_OFFLINE_ICEBERG_AVRO_H_
#define FOREBAY_OFFLINE_ICEBERG_AVRO_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

class AvroEncoder {
 public:
  void Long(int64_t value);  // ints, too
  void Bool(bool value) { bytes_ += value ? '\1' : '\0'; }
  void Text(std::string_view value);  // bytes, too

  // Of a union ["null", T]: no value; or that the value follows.
  void Null() { Long(0); }
  void Present() { Long(1); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// What AvroEncoder wrote, in the same order. Past the end, or after bytes that are none of it, all
// values are 0 or empty, and ok() is false.
class AvroDecoder {
 public:
  // `bytes` must outlive this.
  explicit AvroDecoder(std::string_view bytes) : bytes_(bytes) {}

  int64_t Long();
  bool Bool();
  std::string Text();
  // Of a union ["null", T].
  bool Present() { return Long() == 1; }

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

struct AvroFile {
  std::map<std::string, std::string> metadata;  // with `avro.schema`
  int64_t records = 0;
  std::string body;  // the records, one after the other
};

// One block, not compressed.
std::string EncodeAvroFile(const AvroFile& file);

// DATA_LOSS: it is none of these, or compressed.
absl::StatusOr<AvroFile> DecodeAvroFile(std::string_view bytes);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_AVRO_H_
