"""Whether OpenAPI descriptions are valid, by a validator that is not ours; and whether an answer fits its description.

    python openapi.py DESCRIPTION.json [ANSWER.json]
"""

import json
import sys

import openapi_spec_validator
from openapi_schema_validator import OAS30Validator

described = json.load(open(sys.argv[1]))
openapi_spec_validator.validate(described)
if len(sys.argv) > 2:
    answer = json.load(open(sys.argv[2]))
    OAS30Validator(described["components"]["schemas"]["Answer"]).validate(answer)
    names = described["components"]["schemas"]["Question"]["properties"]["fields"]["items"]["enum"]
    assert {fact["name"] for fact in answer["facts"]} <= set(names), answer
