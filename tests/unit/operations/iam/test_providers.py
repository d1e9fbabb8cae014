"""Identity providers, as records."""

from __future__ import annotations

import pytest

from sagewright.testing.policies import refusal
from sagewright.testing.world import Client

METADATA = '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="me"/>'


def test_an_openid_connect_provider(iam: Client) -> None:
    made = {"Url": "https://id.example.com/realms/a", "ClientIDList": ["one"], "ThumbprintList": ["0" * 40]}
    arn = iam.create_open_id_connect_provider(**made, Tags=[{"Key": "a", "Value": "1"}])["OpenIDConnectProviderArn"]
    assert arn == "arn:aws:iam::123456789012:oidc-provider/id.example.com/realms/a"
    assert refusal(iam.create_open_id_connect_provider, **made)[0] == "EntityAlreadyExists"
    this = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**this, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(**this, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**this, ThumbprintList=["1" * 40])
    told = iam.get_open_id_connect_provider(**this)
    assert (told["Url"], told["ClientIDList"]) == ("id.example.com/realms/a", ["other"])
    assert (told["ThumbprintList"], told["Tags"]) == (["1" * 40], [{"Key": "a", "Value": "1"}])
    iam.untag_open_id_connect_provider(**this, TagKeys=["a"])
    assert iam.list_open_id_connect_provider_tags(**this)["Tags"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    for _ in range(2):
        iam.delete_open_id_connect_provider(**this)
    assert refusal(iam.get_open_id_connect_provider, **this)[0] == "NoSuchEntity"
    assert refusal(iam.create_open_id_connect_provider, Url="http://id.example.com")[0] == "InvalidInput"


def test_a_saml_provider(iam: Client) -> None:
    arn = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    assert arn == "arn:aws:iam::123456789012:saml-provider/corp"
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    other = METADATA.replace("me", "you")
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=other)
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == other
    assert [each["Arn"] for each in iam.list_saml_providers()["SAMLProviderList"]] == [arn]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert refusal(iam.get_saml_provider, SAMLProviderArn=arn)[0] == "NoSuchEntity"


@pytest.mark.parametrize("document", ["", "<", "<html/>", METADATA[:-2]])
def test_what_describes_no_provider(iam: Client, document: str) -> None:
    assert refusal(iam.create_saml_provider, Name="corp", SAMLMetadataDocument=document)[0] == "InvalidInput"
