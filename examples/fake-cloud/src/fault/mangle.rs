//! Faults that change a successful answer: missing members, empty or long lists.

use serde_json::{Value, json};

use super::rule::Effect;

/// The members that contain the items of a page, for all vendors.
const LISTS: [&str; 6] = ["data", "edges", "inboxes", "pods", "domains", "api_keys"];

/// The members of an item that a copy must not share: they identify it, or mark it as ours.
const IDENTITIES: [&str; 10] = [
    "id",
    "hash",
    "name",
    "inbox_id",
    "email",
    "client_id",
    "customer_reference",
    "phone_number",
    "cursor",
    "serviceName",
];

impl Effect {
    /// Changes the JSON of a successful answer.
    pub(crate) fn mangle(&self, body: &mut Value) {
        match self {
            Self::MissingField(name) => each_object(body, &mut |object| drop(object.remove(name))),
            Self::EmptyPage => each_list(body, &mut Vec::clear),
            Self::HugePage(length) => each_list(body, &mut |list| fill(list, *length)),
            Self::ForeignItem(item) => each_list(body, &mut |list| list.insert(0, item.clone())),
            Self::NullField(name) => null_field(body, name),
            Self::Status { .. } | Self::Hang | Self::Cut => {}
        }
    }
}

type Object = serde_json::Map<String, Value>;

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Object)) {
    match value {
        Value::Object(object) => {
            change(object);
            object
                .values_mut()
                .for_each(|inner| each_object(inner, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn each_list(value: &mut Value, change: &mut impl FnMut(&mut Vec<Value>)) {
    each_object(value, &mut |object| {
        for name in LISTS {
            if let Some(Value::Array(list)) = object.get_mut(name) {
                change(list);
            }
        }
    });
}

fn fill(list: &mut Vec<Value>, length: usize) {
    let Some(template) = list.first().cloned() else {
        return;
    };
    for index in list.len()..length {
        let mut stranger = template.clone();
        each_object(&mut stranger, &mut |object| {
            for name in IDENTITIES {
                if let Some(Value::String(text)) = object.get_mut(name) {
                    *text = format!("stranger-{index}");
                }
            }
        });
        list.push(stranger);
    }
}

fn null_field(body: &mut Value, name: &str) {
    each_object(body, &mut |object| {
        if let Some(value) = object.get_mut(name) {
            *value = Value::Null;
        }
    });
    body["errors"] = json!([{
        "message": "Problem processing request",
        "path": [name],
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
    }]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_page_holds_the_real_items_and_distinct_strangers() {
        let mut body = json!({"data": [{"hash": "mine", "name": "ours"}]});
        Effect::HugePage(3).mangle(&mut body);
        let hashes: Vec<_> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| &i["hash"])
            .collect();
        assert_eq!(hashes, ["mine", "stranger-1", "stranger-2"]);
    }

    #[test]
    fn a_missing_member_is_missing_everywhere() {
        let mut body = json!({"data": {"id": 1, "inner": [{"id": 2, "kept": 3}]}});
        Effect::MissingField("id".into()).mangle(&mut body);
        assert_eq!(body, json!({"data": {"inner": [{"kept": 3}]}}));
    }
}
