import pytest

from sagewright.testing.asker import Asker, Refused

GIT = {"RepositoryUrl": "https://example.com/team/code.git", "Branch": "main"}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:git-abc"


def test_a_repository_keeps_its_address_when_its_secret_changes(asker: Asker) -> None:
    asker.call("CreateCodeRepository", CodeRepositoryName="code", GitConfig=GIT)
    asker.call("UpdateCodeRepository", CodeRepositoryName="code", GitConfig={"SecretArn": SECRET})
    described = asker.call("DescribeCodeRepository", CodeRepositoryName="code")
    assert described["GitConfig"] == {**GIT, "SecretArn": SECRET}
    (listed,) = asker.call("ListCodeRepositories", NameContains="cod", SortBy="Name")["CodeRepositorySummaryList"]
    assert listed["GitConfig"] == described["GitConfig"]


def test_names_are_taken_once_and_missed_in_the_words_of_aws(asker: Asker) -> None:
    asker.call("CreateCodeRepository", CodeRepositoryName="code", GitConfig=GIT)
    with pytest.raises(Refused, match="already existing"):
        asker.call("CreateCodeRepository", CodeRepositoryName="code", GitConfig=GIT)
    asker.call("DeleteCodeRepository", CodeRepositoryName="code")
    with pytest.raises(Refused, match="Cannot find CodeRepository") as caught:
        asker.call("DescribeCodeRepository", CodeRepositoryName="code")
    assert caught.value.code == "ValidationException"
