#include "offline/history/byte_ranges.h"

#include <arrow/buffer.h>
#include <arrow/util/future.h>

#include <algorithm>
#include <numeric>

namespace forebay {
namespace {

using arrow::io::ReadRange;

struct Request {
  ReadRange bytes;
  std::vector<size_t> ranges;  // that it holds
};

std::vector<Request> Merge(const std::vector<ReadRange>& ranges, int64_t gap) {
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return ranges[a].offset < ranges[b].offset; });
  std::vector<Request> requests;
  for (size_t i : order) {
    const ReadRange& range = ranges[i];
    if (range.length == 0) continue;
    if (requests.empty() ||
        range.offset > requests.back().bytes.offset + requests.back().bytes.length + gap) {
      requests.push_back({.bytes = {range.offset, 0}});
    }
    ReadRange& bytes = requests.back().bytes;
    bytes.length = std::max(bytes.length, range.offset + range.length - bytes.offset);
    requests.back().ranges.push_back(i);
  }
  return requests;
}

}  // namespace

arrow::Result<std::vector<std::shared_ptr<arrow::Buffer>>> ReadByteRanges(
    arrow::io::RandomAccessFile* file, const std::vector<ReadRange>& ranges, const ReadCost& cost) {
  std::vector<Request> requests = Merge(ranges, cost.gap);
  std::vector<arrow::Future<std::shared_ptr<arrow::Buffer>>> answers;
  for (const Request& request : requests) {
    if (cost.overlap && requests.size() > 1) {
      answers.push_back(file->ReadAsync(request.bytes.offset, request.bytes.length));
    } else {
      answers.push_back(arrow::Future<std::shared_ptr<arrow::Buffer>>::MakeFinished(
          file->ReadAt(request.bytes.offset, request.bytes.length)));
    }
  }
  std::vector<std::shared_ptr<arrow::Buffer>> found(ranges.size(),
                                                    std::make_shared<arrow::Buffer>(nullptr, 0));
  // All are waited for, whatever fails: they read from `file`.
  for (const auto& answer : answers) answer.Wait();
  for (size_t i = 0; i < requests.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bytes, answers[i].result());
    const ReadRange& asked = requests[i].bytes;
    if (bytes->size() < asked.length) {
      return arrow::Status::IOError("the file ends at byte ", asked.offset + bytes->size(),
                                    ", within a page");
    }
    for (size_t range : requests[i].ranges) {
      found[range] =
          arrow::SliceBuffer(bytes, ranges[range].offset - asked.offset, ranges[range].length);
    }
  }
  return found;
}

}  // namespace forebay
