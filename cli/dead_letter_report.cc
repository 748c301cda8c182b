#include "cli/dead_letter_report.h"

#include "fmt/format.h"
#include "schemas/types/counted.h"
#include "schemas/types/shown_bytes.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kValueBytes = 200;

std::string ValueText(const DeadLetter& letter) {
  if (!letter.omitted.empty()) return "too large to be kept here: " + letter.omitted;
  return letter.value ? "value " + ShownBytes(*letter.value, kValueBytes) : "no value";
}

std::string LetterText(const DeadLetter& letter) {
  return fmt::format("  {}: {}\n    {}\n    of {}, {}\n", letter.task.topic,
                     DescribeKind(DeadLetterKind::Of(letter)), DescribeLetter(letter),
                     FormatTime(letter.timestamp), ValueText(letter));
}

// Why letters of this fate stay; empty where there is nothing to say of them.
std::string_view WhyItStays(Fate fate) {
  switch (fate) {
    case Fate::kDone:
      return "an earlier --again got past them, and sent back what it was asked for: --from-start "
             "sends them all the same";
    case Fate::kNotSource:
      return "no source of the project reads this topic. What goes wrong with records of a "
             "repartition topic is put right by sending those of its source again";
    case Fate::kTaken:
      return "other views of the source may have taken the record, and would count it twice";
    case Fate::kApplied:
      return "their records were applied: only an update was not published, as its topic could not "
             "hold it";
    case Fate::kOmitted:
      return "the dead-letter topic could not hold the whole record. While its topic has it, "
             "produce "
             "it once more from there";
    case Fate::kReturns:
    case Fate::kNotAsked:
    case Fate::kRepeated:
      return "";
  }
  return "";
}

}  // namespace

std::string DigestText(const std::string& topic, const DeadLetterDigest& digest, int64_t all) {
  int64_t total = 0;
  std::string lines;
  for (const auto& [kind, count] : digest.counts()) {
    total += count;
    lines += fmt::format("  {:>8}  {}: {}\n", count, kind.topic, DescribeKind(kind));
  }
  std::string of_all = total == all ? "" : fmt::format("{} of ", total);
  std::string text = fmt::format("{}: {}{}\n{}", topic, of_all,
                                 Counted(all, "dead letter", "dead letters"), lines);
  std::vector<DeadLetter> newest = digest.Newest();
  if (!newest.empty()) text += "\nThe newest:\n";
  for (const DeadLetter& letter : newest) text += LetterText(letter);
  return text;
}

std::string ReturnText(const FateCounts& counts) {
  std::string text;
  if (!counts.contains(Fate::kReturns)) text += "nothing was sent back\n";
  for (const auto& [fate, topics] : counts) {
    for (const auto& [topic, count] : topics) {
      if (fate == Fate::kReturns) {
        text += fmt::format("sent back {} to {}\n", Counted(count, "record", "records"), topic);
      } else if (std::string_view why = WhyItStays(fate); !why.empty()) {
        text += fmt::format("{} of {} not sent back: {}\n",
                            Counted(count, "dead letter", "dead letters"), topic, why);
      }
    }
  }
  return text;
}

}  // namespace forebay
