"""Many questions at once with asyncio: the server answers them in shared batches.

    python examples/many_at_once.py [--address 127.0.0.1:8001] [--count 8]
"""

import argparse
import asyncio
import time

from bedside_client import AsyncClient, user


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:8001")
    parser.add_argument("--count", type=int, default=8)
    args = parser.parse_args()
    signs = ["heart rate", "respiratory rate", "oxygen saturation", "blood pressure", "temperature"]
    questions = [[user(f"What is a normal {signs[i % len(signs)]}?")] for i in range(args.count)]
    async with AsyncClient(args.address) as client:
        began = time.perf_counter()
        answers = await asyncio.gather(*(client.generate(q, max_tokens=24) for q in questions))
        took = time.perf_counter() - began
    tokens = sum(a.usage.completion_tokens for a in answers)
    for question, answer in zip(questions, answers, strict=True):
        print(f"{question[0].content}  {answer.text.strip()!r}")
    print(f"{len(answers)} answers, {tokens} tokens in {took:.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
