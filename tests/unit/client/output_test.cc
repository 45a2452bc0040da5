// SPDX-License-Identifier: Apache-2.0
#include "client/cli/output.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

namespace hubd::cli {
namespace {

namespace json = boost::json;

struct Printed {
  std::ostringstream out;
  std::ostringstream err;
  Output output;
  explicit Printed(Mode mode, std::size_t width = 0, bool colour = false)
      : output(Style{mode, colour, true, width}, out, err) {}
};

Table sample() {
  Table table;
  table.columns = {"id", "size", "refs"};
  table.rows = {{json::value("model/a"), json::value(5), json::value(json::array{"main", "v1"})},
                {json::value("model/long-name"), json::value(12), json::value(json::array{})}};
  return table;
}

TEST(Output, TableIsAlignedForPeople) {
  Printed printed(Mode::human);
  printed.output.table(sample());
  EXPECT_EQ(
      "ID              SIZE REFS\n"
      "--------------- ---- --------\n"
      "model/a            5 main, v1\n"
      "model/long-name   12\n",
      printed.out.str());
  EXPECT_EQ("", printed.err.str());
}

TEST(Output, TableIsCutToTheTerminalWithAHint) {
  Printed printed(Mode::human, 24);
  printed.output.table(sample());
  std::istringstream lines(printed.out.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 24U) << line;
  EXPECT_NE(std::string::npos, printed.out.str().find("..."));
  EXPECT_NE(std::string::npos, printed.err.str().find("--no-truncate"));
}

TEST(Output, TableIsTabSeparatedForAgents) {
  Printed printed(Mode::agent);
  printed.output.table(sample());
  EXPECT_EQ("id\tsize\trefs\nmodel/a\t5\tmain, v1\nmodel/long-name\t12\t\n", printed.out.str());
}

TEST(Output, TableIsAnArrayInJsonAndIdsInQuiet) {
  Printed machine(Mode::json);
  machine.output.table(sample());
  EXPECT_EQ(R"([{"id":"model/a","size":5,"refs":["main","v1"]},{"id":"model/long-name","size":12,"refs":[]}])"
            "\n",
            machine.out.str());
  Printed quiet(Mode::quiet);
  quiet.output.table(sample());
  EXPECT_EQ("model/a\nmodel/long-name\n", quiet.out.str());
}

TEST(Output, EmptyTableSaysSoInEachForm) {
  Table const empty{{"id"}, {}};
  Printed human(Mode::human);
  human.output.table(empty);
  EXPECT_EQ("No results found.\n", human.out.str());
  Printed machine(Mode::json);
  machine.output.table(empty);
  EXPECT_EQ("[]\n", machine.out.str());
  Printed quiet(Mode::quiet);
  quiet.output.table(empty);
  EXPECT_EQ("", quiet.out.str());
}

TEST(Output, ResultHasFourForms) {
  Fields const fields{{"path", json::value("/a b")}, {"files", json::value(3)}};
  Printed human(Mode::human);
  human.output.result("Downloaded", fields);
  EXPECT_EQ("\u2713 Downloaded\n  path: /a b\n  files: 3\n", human.out.str());
  Printed agent(Mode::agent);
  agent.output.result("Downloaded", fields);
  EXPECT_EQ("path=/a b files=3\n", agent.out.str());
  Printed machine(Mode::json);
  machine.output.result("Downloaded", fields);
  EXPECT_EQ("{\"path\":\"/a b\",\"files\":3}\n", machine.out.str());
  Printed quiet(Mode::quiet);
  quiet.output.result("Downloaded", fields);
  EXPECT_EQ("/a b\n", quiet.out.str());
}

client::Error gated() {
  auto error = client::make_error(client::ErrorKind::gated_repo, "model a/b is gated\nask for access");
  error.http_status = 403;
  error.request_id = "Root=1-2";
  error.retry_after = std::chrono::seconds(7);
  return error;
}

TEST(Output, ErrorIsOneLineWithItsRequestId) {
  for (auto const mode : {Mode::human, Mode::agent, Mode::quiet}) {
    Printed printed(mode);
    printed.output.error(gated());
    EXPECT_EQ("Error: model a/b is gated\\nask for access (request id Root=1-2)\n", printed.err.str());
    EXPECT_EQ("", printed.out.str());
  }
}

TEST(Output, ErrorIsAnObjectInJson) {
  Printed printed(Mode::json);
  printed.output.error(gated());
  EXPECT_EQ(R"({"error":{"kind":"gated_repo","message":"model a/b is gated\nask for access","http_status":403,)"
            R"("request_id":"Root=1-2","retry_after":7}})"
            "\n",
            printed.err.str());
}

TEST(Output, OnlyPeopleSeeColoursAndNotes) {
  Printed human(Mode::human, 0, true);
  human.output.warning("careful");
  human.output.note("3 files");
  EXPECT_EQ("\x1b[33mWarning: careful\x1b[0m\n3 files\n", human.err.str());
  Printed machine(Mode::json, 0, true);
  machine.output.warning("careful");
  machine.output.note("3 files");
  machine.output.text("words");
  EXPECT_EQ("Warning: careful\n", machine.err.str());
  EXPECT_EQ("", machine.out.str());
}

TEST(Output, AsHfItWritesPythonsJsonAndWordsAndErrorsAsText) {
  auto const style = [](Mode mode) {
    Style made;
    made.mode = mode;
    made.as_hf = true;
    return made;
  };
  Fields const fields{{"dry_run", json::value(true)}, {"orgs", json::value()}};
  std::ostringstream out;
  std::ostringstream err;
  Output human(style(Mode::human), out, err);
  human.result("Done", fields);
  Output machine(style(Mode::json), out, err);
  machine.result("Done", fields);
  machine.error(gated());
  EXPECT_EQ("\u2713 Done\n  dry_run: True\n{\"dry_run\": true, \"orgs\": null}\n", out.str());
  EXPECT_TRUE(err.str().starts_with("Error: model a/b is gated")) << err.str();
}

TEST(Output, OfADateTimeATableShowsTheDayAndSizesStandRight) {
  Printed printed(Mode::human);
  Table table;
  table.columns = {"id", "when", "size", "ok"};
  table.right = {"size"};
  table.rows = {{json::value("a"), json::value("2026-01-02T03:04:05+00:00"), json::value("5.0"), json::value(true)},
                {json::value("b"), json::value("2026-01-02"), json::value("12.0M"), json::value(false)}};
  printed.output.table(table);
  EXPECT_EQ("ID WHEN        SIZE OK\n-- ---------- ----- --\na  2026-01-02   5.0 \u2714\nb  2026-01-02 12.0M\n",
            printed.out.str());
}

TEST(Output, ADocumentIsJsonOrItsId) {
  auto const object = json::parse(R"({"id":"a/b","likes":1})").as_object();
  Printed human(Mode::human);
  human.output.document(object, "id");
  EXPECT_EQ("{\n  \"id\": \"a/b\",\n  \"likes\": 1\n}\n", human.out.str());
  Printed quiet(Mode::quiet);
  quiet.output.document(object, "id");
  EXPECT_EQ("a/b\n", quiet.out.str());
  Printed machine(Mode::json);
  machine.output.document(object, "id");
  EXPECT_EQ("{\"id\":\"a/b\",\"likes\":1}\n", machine.out.str());
}

TEST(Output, QuietHasNoHints) {
  Printed quiet(Mode::quiet);
  quiet.output.hint("try that");
  EXPECT_EQ("", quiet.err.str());
}

}  // namespace
}  // namespace hubd::cli
