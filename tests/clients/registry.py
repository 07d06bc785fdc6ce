"""The registry as the Python client sees it: serializers, lookups, lists and refusals.

Arguments: base URL, token. Writes one JSON object; `tests/tests/registry.rs` looks at it.
"""

import datetime
import decimal
import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "entry.public-security.household"
TIME = datetime.timezone(datetime.timedelta(hours=8))
ROW = {
    "citizen_id": "431302197407073941",
    "name": "李娜",
    "sex": "2",
    "ethnic_group": "01",
    "birth_date": datetime.date(1974, 7, 7),
    "household_no": "431302001004217",
    "household_relation": "12",
    "division": "431302",
    "address": "湖南省娄底市娄星区乐坪街道",
    "height_cm": decimal.Decimal("162.5"),
    "updated_at": datetime.datetime(2026, 11, 2, 8, 0, tzinfo=TIME),
}
JSON_ROW = {
    **ROW,
    "birth_date": "1974-07-07",
    "height_cm": "162.5",
    "updated_at": "2026-11-02T08:00:00+08:00",
}


def client(url, token):
    return SchemaRegistryClient({"url": url, "basic.auth.user.info": f"client:{token}"})


def refusal(call):
    """What the client is told; fails unless it is refused."""
    try:
        call()
    except SchemaRegistryError as error:
        return {"status": error.http_status_code, "code": error.error_code, "text": str(error)}
    raise AssertionError("it was not refused")


def avro(registry, token_client, said):
    published = registry.get_latest_version(f"{TOPIC}-value")
    said["latest"] = [published.schema_id, published.version, published.subject]
    own = json.loads(published.schema.schema_str)
    del own["doc"]
    own = json.dumps(own, indent=2, ensure_ascii=True)
    context = SerializationContext(TOPIC, MessageField.VALUE)
    bodies = {
        "default": AvroSerializer(registry, own)(ROW, context),
        "latest": AvroSerializer(
            token_client(),
            conf={"auto.register.schemas": False, "use.latest.version": True},
        )(ROW, context),
        "look_up": AvroSerializer(
            token_client(), own, conf={"auto.register.schemas": False}
        )(ROW, context),
        "own_topic": AvroSerializer(token_client(), own)(
            ROW, SerializationContext("households", MessageField.VALUE)
        ),
    }
    said["avro"] = {name: body.hex() for name, body in bodies.items()}
    back = AvroDeserializer(token_client())(bodies["default"], context)
    given = {name: value for name, value in back.items() if value is not None}
    assert given == ROW, given

    schema = json.loads(own)
    schema["fields"].append({"name": "more", "type": "string"})
    wrong = Schema(json.dumps(schema), "AVRO")
    said["incompatible"] = refusal(
        lambda: AvroSerializer(token_client(), wrong)({**ROW, "more": "x"}, context)
    )
    said["compatible"] = [
        registry.test_compatibility(f"{TOPIC}-value", Schema(own, "AVRO")),
        registry.test_compatibility(f"{TOPIC}-value", wrong),
    ]
    schema["fields"][-1] = {"name": "more", "type": ["null", "string"], "default": None}
    wider = Schema(json.dumps(schema), "AVRO")
    said["refused"] = refusal(lambda: registry.register_schema(f"{TOPIC}-value", wider))
    said["unequal"] = refusal(lambda: registry.lookup_schema(f"{TOPIC}-value", wider))
    found = registry.lookup_schema(f"{TOPIC}-value", Schema(own, "AVRO"))
    said["found"] = [found.schema_id, found.version]


def json_schema(registry, token_client, said):
    published = registry.get_latest_version(f"{TOPIC}.json-value")
    said["json_latest"] = [published.schema_id, published.schema.schema_type]
    context = SerializationContext(f"{TOPIC}.json", MessageField.VALUE)
    own = published.schema.schema_str
    body = JSONSerializer(own, token_client())(JSON_ROW, context)
    said["json"] = body.hex()
    assert JSONDeserializer(None, schema_registry_client=token_client())(body, context) == JSON_ROW


def lists(registry, said):
    said["subjects"] = registry.get_subjects()
    said["versions"] = registry.get_versions(f"{TOPIC}-value")
    said["level"] = registry.get_compatibility(f"{TOPIC}-value")
    said["unknown"] = refusal(lambda: registry.get_latest_version("x-value"))
    said["undeleted"] = refusal(lambda: registry.delete_subject(f"{TOPIC}-value"))
    said["unset"] = refusal(lambda: registry.set_compatibility(level="NONE"))


def main():
    url, token = sys.argv[1:]
    said = {}
    registry = client(url, token)
    avro(registry, lambda: client(url, token), said)
    json_schema(registry, lambda: client(url, token), said)
    lists(registry, said)
    said["stranger"] = refusal(lambda: client(url, "none").get_subjects())
    json.dump(said, sys.stdout, ensure_ascii=False)


main()
