"""A ward round in three calls: which models there are, a patient's summary, a question about it.

    python examples/ward_round.py [--address 127.0.0.1:8001] [record.fhir.json]
"""

import argparse
from pathlib import Path

from bedside_client import BedsideError, Client, system, user, v1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", nargs="?", type=Path, help="a FHIR R4 bundle")
    parser.add_argument("--address", default="127.0.0.1:8001")
    args = parser.parse_args()
    with Client(args.address, timeout=120) as client:
        try:
            talk(client, args.record)
        except BedsideError as error:
            print(error)
            for violation in error.violations:
                print(f"  {violation.field}: {violation.description}")
            return 1
    return 0


def talk(client: Client, record: Path | None) -> None:
    for model in client.list_models():
        print(f"{model.reference.name} {model.reference.version}: {v1.ModelState.Name(model.state)}")
    if record:
        summary = client.summarize(record.read_text(encoding="utf-8"))
        for section in summary.sections:
            print(f"\n{section.heading}")
            for sentence in section.sentences:
                print(f"  {sentence.text}  [{', '.join(sentence.evidence)}]")
        print(f"\n{summary.notice}")
    question = [system("You are a helpful medical assistant."), user("What is sinus tachycardia?")]
    with client.stream(question, max_tokens=40) as pieces:
        for piece in pieces:
            print(piece.text, end="", flush=True)
    print()


if __name__ == "__main__":
    raise SystemExit(main())
