//! The contents of an environment, read page by page to the end.

use agent_pool_core::{Context, Mark, ProviderError, ServiceId};
use serde_json::json;

use crate::error::{Failure, malformed};
use crate::graphql::Client;
use crate::operations;
use crate::page::Connection;
use crate::wire::{FleetPage, ProjectEnvironment, ServiceInstance, VolumeInstance};

/// The largest page that Railway's own client asks for.
pub(crate) const PAGE: u32 = 500;

/// The services and volumes of one environment, without those that are being deleted.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) services: Vec<ServiceInstance>,
    pub(crate) volumes: Vec<VolumeInstance>,
}

impl Fleet {
    fn from_pages(
        services: Pages<ServiceInstance>,
        volumes: Pages<VolumeInstance>,
    ) -> Result<Self, ProviderError> {
        let (mut services, mut volumes) = (services.items, volumes.items);
        services.retain(|service| service.deleted_at.is_none());
        volumes.retain(VolumeInstance::is_live);
        if services
            .iter()
            .any(|service| service.service_name.is_empty())
        {
            return Err(malformed(
                "left out serviceName, by which a service is known to be ours",
            ));
        }
        Ok(Self { services, volumes })
    }

    /// The service of this name.
    pub(crate) fn named(&self, label: &str) -> Option<&ServiceInstance> {
        let mut services = self.services.iter();
        services.find(|service| service.service_name == label)
    }

    /// The volumes that are attached to a service, or have its name and are attached to none.
    pub(crate) fn volumes_of<'a>(
        &'a self,
        service: &'a ServiceId,
        label: &'a str,
    ) -> impl Iterator<Item = &'a VolumeInstance> {
        self.volumes
            .iter()
            .filter(move |volume| match &volume.service_id {
                Some(owner) => owner == service,
                None => volume.name() == label,
            })
    }
}

/// One of two lists that are read together.
#[derive(Debug)]
struct Pages<T> {
    items: Vec<T>,
    /// The cursors of all further pages; the last one is that of the next page.
    cursors: Vec<String>,
    ended: bool,
}

impl<T> Pages<T> {
    const fn new() -> Self {
        Self {
            items: Vec::new(),
            cursors: Vec::new(),
            ended: false,
        }
    }

    /// Adds a page. A finished list must not get a page, and an unfinished one must get one.
    fn add(&mut self, mark: &Mark, page: Option<Connection<T>>) -> Result<(), ProviderError> {
        if self.ended {
            return Ok(());
        }
        let page = page.ok_or_else(|| malformed("left out a requested list"))?;
        let page = page.into_page(mark)?;
        self.items.extend(page.items);
        match page.next {
            None => self.ended = true,
            Some(next) if self.cursors.contains(&next) => {
                return Err(malformed("answered the same page of a list twice"));
            }
            Some(next) => self.cursors.push(next),
        }
        Ok(())
    }
}

impl Client {
    /// All of one environment: services and volumes, a page of both in each call. A project token must name the
    /// project too.
    pub(crate) async fn fleet(
        &self,
        cx: &Context,
        project: Option<&str>,
        environment: &str,
    ) -> Result<Fleet, Failure> {
        let (mut services, mut volumes) = (Pages::new(), Pages::new());
        while !(services.ended && volumes.ended) {
            let variables = json!({
                "environmentId": environment,
                "projectId": project,
                "first": PAGE,
                "services": !services.ended,
                "servicesAfter": services.cursors.last(),
                "volumes": !volumes.ended,
                "volumesAfter": volumes.cursors.last(),
            });
            let page: FleetPage = self.ask(cx, &operations::FLEET, variables).await?;
            services.add(cx.mark(), page.service_instances)?;
            volumes.add(cx.mark(), page.volume_instances)?;
        }
        Ok(Fleet::from_pages(services, volumes)?)
    }

    /// All of an environment whose first pages came with its project.
    pub(crate) async fn rest(
        &self,
        cx: &Context,
        environment: ProjectEnvironment,
    ) -> Result<Fleet, Failure> {
        let (mut services, mut volumes) = (Pages::new(), Pages::new());
        services.add(cx.mark(), Some(environment.service_instances))?;
        volumes.add(cx.mark(), Some(environment.volume_instances))?;
        if services.ended && volumes.ended {
            Ok(Fleet::from_pages(services, volumes)?)
        } else {
            self.fleet(cx, None, &environment.id).await
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::ErrorKind;
    use serde_json::json;

    use super::*;

    fn add(pages: &mut Pages<u8>, page: Option<Connection<u8>>) -> Result<(), ProviderError> {
        pages.add(&Mark::new(&"test".parse().unwrap()), page)
    }

    fn page(next: Option<&str>) -> Option<Connection<u8>> {
        let info = json!({ "hasNextPage": next.is_some(), "endCursor": next });
        let page = json!({ "edges": [{ "node": 7 }], "pageInfo": info });
        Some(serde_json::from_value(page).unwrap())
    }

    #[test]
    fn a_list_that_has_ended_takes_no_more() {
        let mut pages = Pages::new();
        add(&mut pages, page(Some("a"))).unwrap();
        add(&mut pages, page(None)).unwrap();
        add(&mut pages, None).unwrap();
        assert!(pages.ended);
        assert_eq!(pages.items, [7, 7]);
    }

    #[test]
    fn a_list_without_an_end_and_one_that_is_left_out_are_errors() {
        let mut pages = Pages::new();
        for cursor in ["a", "b"] {
            add(&mut pages, page(Some(cursor))).unwrap();
        }
        let again = add(&mut pages, page(Some("a"))).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Protocol);
        let missing = add(&mut Pages::new(), None).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Protocol);
    }
}
