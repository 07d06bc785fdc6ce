/*
 * The registry as the Node client sees it: serializers, lookups, lists and refusals.
 *
 * Arguments: base URL, token. Writes one JSON object; `tests/tests/registry.rs` looks at it.
 */

const assert = require("node:assert/strict");
const {
  AvroDeserializer,
  AvroSerializer,
  JsonDeserializer,
  JsonSerializer,
  SchemaRegistryClient,
  SerdeType,
} = require("@confluentinc/schemaregistry");

const TOPIC = "entry.public-security.household";
const JSON_TOPIC = `${TOPIC}.json`;
const [url, token] = process.argv.slice(2);

/* As the Avro library has them: days, microseconds and the bytes of an unscaled number. */
const ROW = {
  citizen_id: "431302197407073941",
  name: "李娜",
  sex: "2",
  ethnic_group: "01",
  birth_date: Date.UTC(1974, 6, 7) / 86_400_000,
  household_no: "431302001004217",
  household_relation: "12",
  division: "431302",
  address: "湖南省娄底市娄星区乐坪街道",
  height_cm: Buffer.from([0x06, 0x59]),
  updated_at: Date.UTC(2026, 10, 2, 0, 0) * 1000,
};
const JSON_ROW = {
  ...ROW,
  birth_date: "1974-07-07",
  height_cm: "162.5",
  updated_at: "2026-11-02T08:00:00+08:00",
};

function client(userInfo = `client:${token}`) {
  const basicAuthCredentials = { credentialsSource: "USER_INFO", userInfo };
  return new SchemaRegistryClient({ baseURLs: [url], basicAuthCredentials, maxRetries: 0 });
}

/* What the client is told; fails unless it is refused. */
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.status, code: error.errorCode, text: error.message };
  }
  throw new Error("it was not refused");
}

async function avro(said) {
  const published = await client().getLatestSchemaMetadata(`${TOPIC}-value`);
  said.latest = [published.id, published.version, published.subject];
  const latest = new AvroSerializer(client(), SerdeType.VALUE, { useLatestVersion: true });
  const body = await latest.serialize(TOPIC, ROW);
  said.avro = body.toString("hex");
  const back = await new AvroDeserializer(client(), SerdeType.VALUE, {}).deserialize(TOPIC, body);
  const given = Object.entries(back).filter(([, value]) => value !== null);
  assert.deepEqual(Object.fromEntries(given), ROW);

  const own = { schemaType: "AVRO", schema: published.schema };
  said.registered = await client().register(`${TOPIC}-value`, own);
  said.found = await client().getId(`${TOPIC}-value`, own);
  const schema = JSON.parse(published.schema);
  schema.fields.push({ name: "more", type: "string" });
  const wrong = { schemaType: "AVRO", schema: JSON.stringify(schema) };
  said.compatible = [
    await client().testSubjectCompatibility(`${TOPIC}-value`, own),
    await client().testSubjectCompatibility(`${TOPIC}-value`, wrong),
  ];
  said.incompatible = await refusal(() => client().register(`${TOPIC}-value`, wrong));
}

async function jsonSchema(said) {
  /* Strictly its validator knows no annotations of others, and not even the format of a date. */
  const validated = { validate: true, strict: false };
  const conf = { useLatestVersion: true, ...validated };
  const serializer = new JsonSerializer(client(), SerdeType.VALUE, conf);
  const body = await serializer.serialize(JSON_TOPIC, JSON_ROW);
  said.json = body.toString("hex");
  const back = new JsonDeserializer(client(), SerdeType.VALUE, validated);
  assert.deepEqual(await back.deserialize(JSON_TOPIC, body), JSON_ROW);
  await assert.rejects(serializer.serialize(JSON_TOPIC, { ...JSON_ROW, sex: 7 }), /sex/);
}

async function lists(said) {
  said.subjects = await client().getAllSubjects();
  said.versions = await client().getAllVersions(`${TOPIC}-value`);
  said.level = await client().getCompatibility(`${TOPIC}-value`);
  said.unknown = await refusal(() => client().getLatestSchemaMetadata("x-value"));
  said.undeleted = await refusal(() => client().deleteSubject(`${TOPIC}-value`));
  said.stranger = await refusal(() => client("client:none").getAllSubjects());
}

async function main() {
  const said = {};
  await avro(said);
  await jsonSchema(said);
  await lists(said);
  process.stdout.write(JSON.stringify(said));
}

main();
