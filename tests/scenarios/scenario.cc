#include "tests/scenarios/scenario.h"

#include <yaml-cpp/yaml.h>

#include <sstream>
#include <stdexcept>
#include <string_view>

#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr std::string_view kErase = "erase ";

TextTable ReadTable(const std::string& text) {
  TextTable table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; cells >> cell;) row.push_back(cell);
    if (row.empty()) continue;
    if (table.columns.empty()) {
      table.columns = row;
    } else if (row.size() == table.columns.size()) {
      table.rows.push_back(row);
    } else {
      throw std::runtime_error("a row has another number of cells than the header: " + line);
    }
  }
  return table;
}

}  // namespace

Scenario ReadScenario(const std::filesystem::path& file) {
  YAML::Node root = YAML::LoadFile(file.string());
  Scenario scenario{.name = file.stem().string()};
  YAML::Emitter emitter;
  emitter << root["project"];
  scenario.definitions = emitter.c_str();
  for (const YAML::Node& record : root["records"]) {
    std::string text = record.as<std::string>();
    size_t space = text.find(' ');
    ScenarioRecord& read = scenario.records.emplace_back(
        ScenarioRecord{ParseTime(text.substr(0, space)).value(), text.substr(space + 1)});
    // "<time> erase <entity> <key>"
    if (!read.value.starts_with(kErase)) continue;
    read.erases = read.value.substr(kErase.size(), read.value.rfind(' ') - kErase.size());
    read.value = read.value.substr(read.value.rfind(' ') + 1);
  }
  for (const auto& view : root["changes"]) {
    scenario.changes[view.first.as<std::string>()] = ReadTable(view.second.as<std::string>());
  }
  if (root["dead_letters"])
    scenario.dead_letters = ReadTable(root["dead_letters"].as<std::string>());
  for (const auto& view : root["lookups"]) {
    scenario.lookups[view.first.as<std::string>()] = ReadTable(view.second.as<std::string>());
  }
  return scenario;
}

}  // namespace forebay
