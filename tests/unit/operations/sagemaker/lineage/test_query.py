from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


def asked(asker: Asker, chain: dict[str, str], start: str | None, **members: Any) -> set[str]:
    """The names of what a query answers."""
    arns = [] if start is None else [chain[start]]
    names = {arn: name for name, arn in chain.items()}
    found = asker.call("QueryLineage", StartArns=arns, **members)["Vertices"]
    return {names[vertex["Arn"]] for vertex in found}


@pytest.mark.parametrize(
    ("start", "members", "names"),
    [
        ("clean", {"Direction": "Ascendants"}, {"raw"}),
        ("clean", {"Direction": "Descendants"}, {"train", "model"}),
        ("clean", {}, {"raw", "train", "model"}),
        ("raw", {"Direction": "Descendants", "MaxDepth": 1}, {"clean", "sibling"}),
        ("raw", {"Filters": {"Types": ["Model"]}}, {"model"}),
        ("raw", {"Filters": {"LineageTypes": ["Action"]}}, {"train"}),
        ("raw", {"Filters": {"CreatedAfter": 4e9}}, set()),
        (None, {"Filters": {"Types": ["DataSet"]}}, {"raw", "clean", "sibling"}),
    ],
)
def test_directions_depth_and_filters(
    asker: Asker, chain: dict[str, str], start: str | None, members: dict[str, Any], names: set[str]
) -> None:
    assert asked(asker, chain, start, **members) == names


def test_any_of_the_properties_is_enough(asker: Asker, chain: dict[str, str]) -> None:
    asker.call("UpdateArtifact", ArtifactArn=chain["model"], Properties={"a": "1", "b": "2"})
    wanted = {"Properties": {"a": "1", "b": "never"}}
    assert asked(asker, chain, "raw", Filters=wanted) == {"model"}


def test_edges_show_the_way_to_what_was_asked_for(asker: Asker, chain: dict[str, str]) -> None:
    start = {"StartArns": [chain["raw"]], "IncludeEdges": True, "Filters": {"Types": ["Model"]}}
    found = asker.call("QueryLineage", **start)
    assert {vertex["Arn"] for vertex in found["Vertices"]} == {
        chain[name] for name in ("raw", "clean", "train", "model")
    }
    assert {edge["AssociationType"] for edge in found["Edges"]} == {"DerivedFrom", "ContributedTo", "Produced"}
    (vertex,) = (vertex for vertex in found["Vertices"] if vertex["Arn"] == chain["train"])
    assert vertex == {"Arn": chain["train"], "Type": "Training", "LineageType": "Action"}


def test_pages_have_each_vertex_and_each_edge_once(asker: Asker, chain: dict[str, str]) -> None:
    request = {"StartArns": [chain["raw"]], "IncludeEdges": True, "MaxResults": 2}
    vertices: list[str] = []
    edges: list[dict[str, str]] = []
    token: dict[str, str] = {}
    while True:
        page = asker.call("QueryLineage", **request, **token)
        vertices += [vertex["Arn"] for vertex in page["Vertices"]]
        edges += page["Edges"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(vertices) == sorted(chain.values())
    assert len(edges) == 4


def test_a_circle_ends(asker: Asker, chain: dict[str, str]) -> None:
    asker.call("AddAssociation", SourceArn=chain["model"], DestinationArn=chain["raw"])
    assert asked(asker, chain, "raw", Direction="Descendants") == {"clean", "sibling", "train", "model"}
    found = asker.call("QueryLineage", StartArns=[chain["raw"]], Direction="Descendants", IncludeEdges=True)
    assert len(found["Edges"]) == 5


def test_a_trial_component_is_what_its_kind_says(asker: Asker, chain: dict[str, str]) -> None:
    arn = asker.call("CreateTrialComponent", TrialComponentName="run")["TrialComponentArn"]
    asker.call("AddAssociation", SourceArn=chain["raw"], DestinationArn=arn)
    found = asker.call("QueryLineage", StartArns=[chain["raw"]], Filters={"LineageTypes": ["TrialComponent"]})
    assert found["Vertices"] == [{"Arn": arn, "Type": "ExperimentTrialComponent", "LineageType": "TrialComponent"}]


@pytest.mark.parametrize("members", [{"MaxDepth": 0}, {"MaxResults": 0}, {"NextToken": "x"}])
def test_what_is_refused(asker: Asker, chain: dict[str, str], members: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"at least 1|NextToken"):
        asker.call("QueryLineage", StartArns=[chain["raw"]], **members)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("QueryLineage", StartArns=[chain["raw"][:-1] + "x"])
