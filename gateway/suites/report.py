"""What came of suites: as JUnit's XML, which build servers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.suites.model import Outcome, Suite


def junit_report(outcomes: Mapping[str, tuple[Suite, Sequence[Outcome]]]) -> bytes:
    """The report. Source: the schema that Jenkins' JUnit plugin reads."""
    root = Element("testsuites")
    for suite, results in outcomes.values():
        failed = sum(bool(result.failures) for result in results)
        skipped = sum(result.case.skip for result in results)
        counts = {"tests": len(results), "failures": failed, "skipped": skipped}
        attributes = {name: str(count) for name, count in counts.items()}
        node = SubElement(root, "testsuite", {"name": suite.name, **attributes})
        for result in results:
            names = {"name": result.case.name, "classname": result.case.connector}
            case = SubElement(node, "testcase", names)
            if result.case.skip:
                SubElement(case, "skipped")
            for failure in result.failures:
                SubElement(case, "failure", {"message": failure}).text = result.case.place
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
