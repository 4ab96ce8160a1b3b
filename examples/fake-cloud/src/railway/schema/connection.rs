//! Connections, edges and page info, with the vendor's name for each list.

use std::borrow::Cow;

use async_graphql::{OutputType, SimpleObject, TypeName};

use crate::railway::page::Page;

/// A list of the schema: its node and its connection's name.
pub(crate) trait Listed: Send + Sync + 'static {
    type Node: OutputType;
    const NAME: &'static str;
}

macro_rules! lists {
    ($($list:ident of $node:ty),* $(,)?) => {$(
        #[derive(Debug)]
        pub(crate) struct $list;

        impl Listed for $list {
            type Node = $node;
            const NAME: &'static str = stringify!($list);
        }
    )*};
}

lists! {
    QueryProjectsConnection of super::project::Project,
    QueryEnvironmentsConnection of super::environment::Environment,
    QueryDeploymentsConnection of super::node::Deployment,
    ProjectEnvironmentsConnection of super::environment::Environment,
    ProjectServicesConnection of super::node::Service,
    ProjectVolumesConnection of super::node::Volume,
    EnvironmentServiceInstancesConnection of super::node::ServiceInstance,
    EnvironmentVolumeInstancesConnection of super::node::VolumeInstance,
    EnvironmentDeploymentsConnection of super::node::Deployment,
}

/// The position of a page in its list.
#[derive(Debug, SimpleObject)]
pub(crate) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// One node and its cursor.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct Edge<L: Listed> {
    cursor: String,
    node: L::Node,
}

/// One page of a list.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct Connection<L: Listed> {
    edges: Vec<Edge<L>>,
    page_info: PageInfo,
}

impl<L: Listed> TypeName for Edge<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", L::NAME).into()
    }
}

impl<L: Listed> TypeName for Connection<L> {
    fn type_name() -> Cow<'static, str> {
        L::NAME.into()
    }
}

impl<L: Listed> From<Page<L::Node>> for Connection<L> {
    fn from(page: Page<L::Node>) -> Self {
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.rows.first().map(|(cursor, _)| cursor.clone()),
            end_cursor: page.rows.last().map(|(cursor, _)| cursor.clone()),
        };
        let edges = page
            .rows
            .into_iter()
            .map(|(cursor, node)| Edge { cursor, node });
        Self {
            edges: edges.collect(),
            page_info,
        }
    }
}
