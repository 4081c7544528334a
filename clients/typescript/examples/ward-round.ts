/**
 * A ward round in three calls: which models there are, a patient's summary, a question about it.
 *
 *     npm run build && node dist/examples/ward-round.js [address] [record.fhir.json]
 */
import { readFileSync } from "node:fs";
import { BedsideError, Client, ModelState } from "@bedside-lm/client";

const [address = "127.0.0.1:8001", record] = process.argv.slice(2);
const client = new Client(address, { timeoutMs: 120_000 });
try {
  for (const { reference, state } of await client.listModels()) {
    console.log(`${reference?.name} ${reference?.version}: ${ModelState[state]}`);
  }
  if (record !== undefined) {
    const summary = await client.summarize(readFileSync(record, "utf8"));
    for (const { heading, sentences } of summary.sections) {
      console.log(`\n${heading}`);
      for (const { text, evidence } of sentences) {
        console.log(`  ${text}  [${evidence.join(", ")}]`);
      }
    }
    console.log(`\n${summary.notice}`);
  }
  const question = [
    { role: "system", content: "You are a helpful medical assistant." },
    { role: "user", content: "What is sinus tachycardia?" },
  ] as const;
  for await (const piece of client.stream(question, { maxTokens: 40 })) {
    process.stdout.write(piece.text);
  }
  console.log();
} catch (error) {
  if (!(error instanceof BedsideError)) {
    throw error;
  }
  console.log(error.message);
  for (const { field, description } of error.violations) {
    console.log(`  ${field}: ${description}`);
  }
  process.exitCode = 1;
} finally {
  client.close();
}
