// A scenario of tests/scenarios: definitions, records in, changes and lookups expected, in YAML.
#ifndef FOREBAY_TESTS_SCENARIOS_SCENARIO_H_
#define FOREBAY_TESTS_SCENARIOS_SCENARIO_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace forebay {

// A text table: a line of column names, then a line per row, cells separated by spaces.
struct TextTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

struct ScenarioRecord {
  int64_t timestamp;  // of the Kafka record, microseconds UTC
  std::string value;
  // Not empty: it is the control record that erases a key of this entity, whose text `value` is.
  std::string erases = {};
};

struct Scenario {
  std::string name;                          // of the file
  std::string definitions;                   // YAML of a features file
  std::vector<ScenarioRecord> records;       // of the one partition, offsets from 0
  std::map<std::string, TextTable> changes;  // by view
  TextTable dead_letters;
  std::map<std::string, TextTable> lookups;  // by view
};

// Throws on a file that is not a scenario.
Scenario ReadScenario(const std::filesystem::path& file);

}  // namespace forebay

#endif  // FOREBAY_TESTS_SCENARIOS_SCENARIO_H_
