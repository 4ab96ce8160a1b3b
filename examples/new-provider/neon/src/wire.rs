//! The parts of the vendor's JSON that are used.

use agent_pool_core::prelude::*;

#[derive(Debug, Deserialize)]
pub(crate) struct Branches {
    pub(crate) branches: Vec<ListItem<Branch>>,
    pub(crate) pagination: Option<Pagination>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pagination {
    pub(crate) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Branch {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewBranch {
    pub(crate) branch: Branch,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewPassword {
    pub(crate) role: Role,
    pub(crate) operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) password: Secret,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Looked {
    pub(crate) operation: Operation,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) status: String,
}
