# SPDX-License-Identifier: Apache-2.0
"""Adds up JUnit files of ctest and prints one closing line; exit 1 when anything failed or nothing ran.

In CI a skipped counterpart test is a failure: there every peer program must be present.
"""
import os
import sys
import xml.etree.ElementTree as ET


def main(failed_builds: int, files: list[str]) -> int:
    passed = failed = skipped = 0
    for name in files:
        if not os.path.exists(name):
            continue
        for case in ET.parse(name).getroot().iter("testcase"):
            label = f"{os.path.basename(name)[:-4]}: {case.get('name')}"
            if case.get("status") == "fail" or case.find("failure") is not None:
                failed += 1
                print("FAILED ", label)
                output = case.findtext("system-out") or ""
                print("\n".join("    " + line for line in output.splitlines()[-25:]))
            elif case.get("status") in ("notrun", "disabled") or case.find("skipped") is not None:
                if os.environ.get("CI") == "true" and "counterpart" in (case.get("name") or ""):
                    failed += 1
                    print("FAILED  (skipped in CI)", label)
                else:
                    skipped += 1
                    print("skipped", label)
            else:
                passed += 1
    failed += failed_builds
    if passed == 0 and failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
