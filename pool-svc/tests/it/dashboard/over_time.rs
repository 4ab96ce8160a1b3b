use super::Person;
use crate::world::World;

#[tokio::test]
async fn the_past_is_drawn_from_the_log() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let before = person.get("/over-time").await;
    assert_eq!(before.html.matches("No data in this period").count(), 2);
    person.post("/replenish", &[("count", "2")]).await;
    world.until_count("idle", 2).await;
    world.claim("{}").await;
    for range in ["hour", "day", "week"] {
        let page = person.get(&format!("/over-time?range={range}")).await;
        assert_eq!(
            page.html.matches("<svg class=\"chart broad\"").count(),
            3,
            "{range}"
        );
        assert!(
            page.has("<b>1</b><span>idle</span>") && page.has("<b>1</b><span>claimed</span>"),
            "{}",
            page.html
        );
        assert!(
            page.has(&format!("Claims in the last {range}: 1.")),
            "{range}"
        );
    }
    assert_eq!(person.get("/over-time?range=year").await.status, 400);
}
