//! OpenAPI of a service that states facts, made from the settings: what may be asked, what comes, how it fails.
//!
//! Read by the metadata service `getOpenAPI`, by the pages and by `tambo openapi --service`. Version 3.0.3, which
//! X-Road's own servers and most generators read. It promises that a field which can't leave is not in it, and that no
//! address, table or column of the body's inside is.

use kernel::{Locale, ServiceId};
use serde_json::{Map, Value, json};

use super::described::{Described, FieldKind};
use super::{Derived, FIELD_BYTES_MAX, FIELDS_MAX, FactSource, SUBJECT_BYTES_MAX};

impl FactSource {
    /// The description of `service`, in `locale`, if it states facts; `described` is what the settings say of it. `None`
    /// for a system behind an address, which describes itself.
    pub fn openapi(
        &self,
        service: &ServiceId,
        described: Option<&Described>,
        locale: Locale,
    ) -> Option<Value> {
        let facts = match (self, described) {
            (Self::Described, Some(described)) => of_described(described, locale),
            (Self::Table { derived, .. }, _) => of_table(service, derived),
            (Self::Described, None) | (Self::Url { .. } | Self::Accesses, _) => return None,
        };
        Some(document(service, facts))
    }
}

/// What is particular to a service.
struct Facts {
    title: String,
    description: String,
    /// The names that can be asked for; empty if they are not listed.
    names: Vec<String>,
    /// A schema for each named fact.
    schemas: Vec<Value>,
}

fn of_described(described: &Described, locale: Locale) -> Facts {
    let mut schemas = Vec::new();
    for (name, field) in described.fields.iter().filter(|(_, field)| !field.internal) {
        let mut value = schema_of(field.kind);
        let text = field.description.of(locale);
        if !text.is_empty() {
            value["description"] = text.into();
        }
        if field.sensitive {
            value["x-sensitive"] = true.into();
        }
        schemas.push(fact(name, value));
    }
    schemas.extend(described.derived.iter().map(computed));
    Facts {
        title: described.title.of(locale).to_owned(),
        description: described.description.of(locale).to_owned(),
        names: described.names().map(str::to_owned).collect(),
        schemas,
    }
}

/// A register of the own store has whatever fields its records have; only the computed ones are known beforehand.
fn of_table(service: &ServiceId, derived: &[Derived]) -> Facts {
    let any = json!({
        "type": "object",
        "required": ["name", "value"],
        "properties": {
            "name": name_schema(),
            "value": {"nullable": true, "description": "Text, whole number, yes or no, a list, or nothing on record."},
            "valid_until": until_schema(),
        },
    });
    let computed: Vec<&str> = derived.iter().map(Derived::name).collect();
    let description = match computed.is_empty() {
        true => "The agreement lists the fields.".to_owned(),
        false => format!(
            "The agreement lists the fields. Computed: {}.",
            computed.join(", ")
        ),
    };
    Facts {
        title: service.code.clone(),
        description,
        names: Vec::new(),
        schemas: vec![any],
    }
}

fn computed(rule: &Derived) -> Value {
    let text = match rule {
        Derived::YearsSince { years, .. } => {
            format!("Computed: whether {years} years have passed. The date itself does not leave.")
        }
        Derived::Equals { value, .. } => format!("Computed: whether the entry says {value:?}."),
        Derived::Present { .. } => "Computed: whether anything is on record.".to_owned(),
    };
    fact(
        rule.name(),
        json!({"type": "boolean", "nullable": true, "description": text}),
    )
}

fn schema_of(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Text => json!({"type": "string", "nullable": true}),
        FieldKind::Date => json!({"type": "string", "format": "date", "nullable": true}),
        FieldKind::Int => json!({"type": "integer", "format": "int64", "nullable": true}),
        FieldKind::Bool => json!({"type": "boolean", "nullable": true}),
    }
}

fn fact(name: &str, value: Value) -> Value {
    json!({
        "type": "object",
        "title": name,
        "required": ["name", "value"],
        "properties": {
            "name": {"type": "string", "enum": [name]},
            "value": value,
            "valid_until": until_schema(),
        },
    })
}

fn until_schema() -> Value {
    json!({
        "type": "integer", "format": "int64", "nullable": true,
        "description": "Until when it may be relied on, in microseconds since 1970-01-01 UTC; null for no end.",
    })
}

fn name_schema() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": FIELD_BYTES_MAX})
}

fn document(service: &ServiceId, facts: Facts) -> Value {
    let Facts {
        title,
        description,
        names,
        schemas,
    } = facts;
    let mut name = name_schema();
    let mut example = json!({"subject": "40000001"});
    if !names.is_empty() {
        name = json!({"type": "string", "enum": names});
        example["fields"] = json!([names[0]]);
    }
    let question = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["subject", "fields"],
        "properties": {
            "subject": {
                "type": "string", "minLength": 1, "maxLength": SUBJECT_BYTES_MAX,
                "description": "National number of the person or firm.",
            },
            "fields": {"type": "array", "minItems": 1, "maxItems": FIELDS_MAX, "items": name},
        },
        "example": example,
    });
    let answer = json!({
        "type": "object",
        "required": ["found", "facts"],
        "properties": {
            "found": {"type": "boolean", "description": "Whether the register knows the number."},
            "facts": {
                "type": "array", "description": "One for each field asked, in the order of the question.",
                "items": {"anyOf": schemas},
            },
        },
    });
    json!({
        "openapi": "3.0.3",
        "info": {"title": title, "description": description, "version": "1"},
        "servers": [{"url": format!("/r1/{service}")}],
        "paths": {"/facts": {"post": operation(service)}},
        "components": {"schemas": {"Question": question, "Answer": answer, "Error": error()}},
    })
}

fn operation(service: &ServiceId) -> Value {
    let header = |name: &str, required: bool, text: &str| {
        json!({
            "name": name, "in": "header", "required": required, "description": text,
            "schema": {"type": "string"},
        })
    };
    let body = |schema: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
    let failed = |text: &str| {
        json!({
            "description": text,
            "headers": {"X-Road-Error": {"description": "The code.", "schema": {"type": "string"}}},
            "content": body("Error"),
        })
    };
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What the register states, signed; `x-road-id` names the message and its container.",
            "content": body("Answer"),
        }),
    );
    responses.insert("400".to_owned(), failed("The request can't be understood."));
    responses.insert(
        "500".to_owned(),
        failed("No agreement covers the question, there is no such field, or the register does not answer."),
    );
    json!({
        "operationId": format!("facts-{}", service.code),
        "summary": "States facts about one person or firm.",
        "parameters": [
            header("X-Road-Client", true, "The asking subsystem: INSTANCE/CLASS/MEMBER/SUBSYSTEM."),
            header(crate::domain::message::PURPOSE, true, "The purpose, as the agreement names it."),
            header("X-Road-Issue", false, "The case that the question belongs to."),
            header("X-Road-Id", false, "A number for the message; made if absent."),
        ],
        "requestBody": {"required": true, "content": body("Question")},
        "responses": responses,
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["type", "message", "detail"],
        "properties": {
            "type": {"type": "string", "description": "The code."},
            "message": {"type": "string"},
            "detail": {"type": "string", "description": "A reference that both nodes' logs have."},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_leave_is_not_described() {
        let service = kernel::MemberId::new("PE", "GOB", "1")
            .subsystem("S")
            .service("padron");
        let described: Described = serde_json::from_value(json!({
            "title": {"es": "Padrón", "en": "Roll"},
            "fields": {
                "name": {"from": "columna_nombre", "description": "Name"},
                "birth": {"from": "columna_fecha", "type": "date", "internal": true},
            },
            "derived": [{"rule": "years-since", "name": "over18", "field": "birth", "years": 18}],
            "sql": {"url": "postgres://lector:clave@127.0.0.1/x", "view": "vista", "key": "dni"},
        }))
        .unwrap();
        let source = FactSource::Described;
        let made = source
            .openapi(&service, Some(&described), Locale::En)
            .unwrap();
        let names =
            &made["components"]["schemas"]["Question"]["properties"]["fields"]["items"]["enum"];
        assert_eq!(names, &json!(["name", "over18"]));
        assert_eq!(made["info"]["title"], "Roll");
        let text = made.to_string();
        for inside in ["birth", "columna", "postgres", "clave", "vista"] {
            assert!(!text.contains(inside), "{inside}");
        }
        assert!(source.openapi(&service, None, Locale::Es).is_none());
        let table = FactSource::Table {
            register: "r".into(),
            derived: vec![],
        };
        assert!(table.openapi(&service, None, Locale::Es).is_some());
        assert!(
            FactSource::Accesses
                .openapi(&service, None, Locale::Es)
                .is_none()
        );
    }
}
