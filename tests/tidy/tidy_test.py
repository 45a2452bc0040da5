# SPDX-License-Identifier: Apache-2.0
"""The rules of tidy.py, each on a small tree that breaks it and one that does not."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class Tidy(unittest.TestCase):
    def problems(self, files: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for top in ("core", "daemon", "client", "tests"):
                (root / top).mkdir()
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(SPDX + text)
            return tidy.check(root)

    def body(self, statement: str) -> list[str]:
        return self.problems({"core/net/a.cc": "asio::awaitable<void> join();\nAsync<int> get(int);\n"
                                               "Async<void> f() {\n  " + statement + "\n}\n"})

    def test_arrow_up_is_found(self):
        self.assertIn("base may not include net", self.problems({"core/base/a.cc": '#include "core/net/async.h"\n'})[0])

    def test_arrow_down_is_fine(self):
        self.assertEqual([], self.problems({"core/http/a.cc": '#include "core/net/async.h"\n'}))

    def test_core_never_sees_generated_code(self):
        self.assertTrue(self.problems({"core/engine/a.cc": "#include <hubd/v1/common.pb.h>\n"}))

    def test_client_may_not_reach_into_the_engine(self):
        self.assertTrue(self.problems({"client/src/a.cc": '#include "core/engine/engine.h"\n'}))

    def test_good_shapes(self):
        for statement in ("auto const x = co_await get(1);", "auto [e, n] = co_await get(n);", "co_await join();",
                          "auto waiting = join(); co_await std::move(waiting);", "co_return co_await get(1);", "co_await group_.join();", "if (ok) co_await join();",
                          "{ auto const y = co_await get(2); }", "while (true) { auto z = co_await get(1); }",
                          'log("co_await in a string ? {");  // co_await ? in a comment'):
            self.assertEqual([], self.body(statement), statement)

    def test_bad_shapes(self):
        for statement in ("if (co_await get(1)) co_return 1;", "while (co_await get(1)) {}",
                          "switch (co_await get(1)) {}", "auto x = c ? co_await get(1) : 2;",
                          "Thing t{co_await get(1)};", "auto x = co_await get(Options{.name = n});",
                          "auto x = co_await get([copy] { return copy; });", "co_await get(1);",
                          "auto getting = get(1); co_await std::move(getting);", "auto x = co_await get(1) + co_await get(2);"):
            self.assertTrue(self.body(statement), statement)

    def test_banned_names(self):
        self.assertTrue(self.problems({"core/net/a.cc": "co_spawn(e, f(), asio::detached);\n"}))
        self.assertTrue(self.problems({"core/hub/a.cc": "auto t = std::chrono::steady_clock::now();\n"}))
        self.assertEqual([], self.problems({"core/base/clock.cc": "auto t = std::chrono::steady_clock::now();\n"}))

    def test_orphan_test_is_found(self):
        self.assertTrue(self.problems({"tests/unit/a_test.cc": ""}))


if __name__ == "__main__":
    unittest.main()
