//! One method of one path.

use agent_pool_core::wire::problem::ProblemCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Generates the schema of a type. A function and not a schema, because one generator for the whole document collects
/// the referenced schemas.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path: its inputs and all its responses.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) needs_key: bool,
    pub(super) path_parameters: Vec<(&'static str, SchemaOf)>,
    pub(super) query: Option<SchemaOf>,
    pub(super) headers: Vec<(&'static str, &'static str, SchemaOf)>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<ProblemCode>,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) schema: SchemaOf,
    pub(super) required: bool,
}

/// A response that is not a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Content,
}

/// What an answer contains.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Json(SchemaOf),
    /// A text of this media type.
    Text(&'static str),
}

impl Operation {
    /// An operation without a body. `path` has the form of the table of routes, with `:name` for a parameter; `id` is
    /// the name of the call in generated clients.
    #[must_use]
    pub fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            needs_key: false,
            path_parameters: Vec::new(),
            query: None,
            headers: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: vec![ProblemCode::BadRequest, ProblemCode::InternalError],
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    /// `POST`.
    #[must_use]
    pub fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary)
    }

    /// `PUT`.
    #[must_use]
    pub fn put(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("put", path, id, summary)
    }

    /// `PATCH`.
    #[must_use]
    pub fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("patch", path, id, summary)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, id, summary)
    }

    /// It needs a bearer key.
    #[must_use]
    pub fn key(mut self) -> Self {
        self.needs_key = true;
        self.problems(&[ProblemCode::Unauthorized, ProblemCode::TooManyWrongKeys])
    }

    /// The parameter `:name` of the path. A value that is not a `T` is an unknown path.
    #[must_use]
    pub fn segment<T: JsonSchema>(mut self, name: &'static str) -> Self {
        self.path_parameters
            .push((name, SchemaGenerator::subschema_for::<T>));
        self.problems(&[ProblemCode::UnknownRoute])
    }

    /// The query: each member of the struct `T` is a parameter.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::root_schema_for::<T>);
        self.problems(&[ProblemCode::InvalidField])
    }

    /// An optional header.
    #[must_use]
    pub fn header<T: JsonSchema>(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers
            .push((name, description, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// A required JSON body.
    #[must_use]
    pub fn body<T: JsonSchema>(self) -> Self {
        self.with_body::<T>(true)
    }

    /// An optional JSON body.
    #[must_use]
    pub fn optional_body<T: JsonSchema>(self) -> Self {
        self.with_body::<T>(false)
    }

    fn with_body<T: JsonSchema>(mut self, required: bool) -> Self {
        let schema = SchemaGenerator::subschema_for::<T>;
        self.body = Some(Body { schema, required });
        self.problems(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidField,
            ProblemCode::BrokenBody,
            ProblemCode::BodyTimeout,
            ProblemCode::BodyTooLarge,
        ])
    }

    /// It answers a `T` as JSON, with status 200.
    #[must_use]
    pub fn answers<T: JsonSchema>(self, description: &'static str) -> Self {
        self.answers_with::<T>(200, description)
    }

    /// It answers a `T` as JSON, with `status`.
    #[must_use]
    pub fn answers_with<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push(Answer {
            status,
            description,
            content: Content::Json(SchemaGenerator::subschema_for::<T>),
        });
        self
    }

    /// It answers text of the media type `media`, such as `text/event-stream`, with status 200.
    #[must_use]
    pub fn answers_text(mut self, media: &'static str, description: &'static str) -> Self {
        self.answers.push(Answer {
            status: 200,
            description,
            content: Content::Text(media),
        });
        self
    }

    /// It can fail with each of `codes`, in addition to those that follow from its key, parameters and body.
    #[must_use]
    pub fn problems(mut self, codes: &[ProblemCode]) -> Self {
        for code in codes {
            if !self.problems.contains(code) {
                self.problems.push(code.clone());
            }
        }
        self
    }
}
