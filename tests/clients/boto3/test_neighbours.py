"""The services around SageMaker, each through a noun's whole life: made, found, changed, tagged, deleted."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused

ROLE = "arn:aws:iam::123456789012:role/SagewrightExecutionRole"
Unique = Callable[[str], str]


def test_kms(unique: Unique) -> None:
    kms, alias = boto3.client("kms"), "alias/" + unique("key")
    key = kms.create_key(Description="one", Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    assert alias in [each["AliasName"] for each in kms.list_aliases(KeyId=key)["Aliases"]]
    data = kms.generate_data_key(KeyId=alias, KeySpec="AES_256", EncryptionContext={"bucket": "b"})
    opened = kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext={"bucket": "b"})
    assert opened["Plaintext"] == data["Plaintext"]
    assert refused(kms.decrypt, CiphertextBlob=data["CiphertextBlob"]) == ("InvalidCiphertextException", 400)
    kms.update_key_description(KeyId=key, Description="two")
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Description"] == "two"
    assert len(kms.list_resource_tags(KeyId=key)["Tags"]) == 2
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert refused(kms.describe_key, KeyId="alias/none") == ("NotFoundException", 400)


def test_secretsmanager(unique: Unique) -> None:
    secrets, name = boto3.client("secretsmanager"), unique("git")
    secrets.create_secret(Name=name, SecretString="one", Tags=[{"Key": "a", "Value": "1"}])
    secrets.put_secret_value(SecretId=name, SecretString="two")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    listed = secrets.list_secret_version_ids(SecretId=name)
    assert (listed["ARN"], len(listed["Versions"])) == (secrets.describe_secret(SecretId=name)["ARN"], 2)
    secrets.update_secret(SecretId=name, Description="changed")
    secrets.tag_resource(SecretId=name, Tags=[{"Key": "b", "Value": "2"}])
    described = secrets.describe_secret(SecretId=name)
    assert (described["Description"], len(described["Tags"])) == ("changed", 2)
    assert name in [each["Name"] for each in secrets.list_secrets()["SecretList"]]
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert refused(secrets.get_secret_value, SecretId=name) == ("ResourceNotFoundException", 400)
    code, sentence = refusal(secrets.rotate_secret, SecretId=name)
    assert (code, "Lambda" in sentence) == ("ValidationException", True)


def test_ssm_parameters(unique: Unique) -> None:
    ssm, name = boto3.client("ssm"), f"/{unique('team')}/model"
    ssm.put_parameter(Name=name, Value="one", Type="SecureString")
    ssm.put_parameter(Name=name, Value="two", Type="SecureString", Overwrite=True)
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "two"
    assert [each["Version"] for each in ssm.get_parameter_history(Name=name)["Parameters"]] == [1, 2]
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "a", "Value": "1"}])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "a", "Value": "1"}]
    assert [each["Name"] for each in ssm.get_parameters_by_path(Path=name.rpartition("/")[0])["Parameters"]] == [name]
    ssm.delete_parameter(Name=name)
    assert refused(ssm.get_parameter, Name=name) == ("ParameterNotFound", 400)


def test_sqs_and_sns(unique: Unique) -> None:
    sqs, sns, name = boto3.client("sqs"), boto3.client("sns"), unique("done")
    queue = sqs.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"]
    assert queue == f"{sqs.meta.endpoint_url}/123456789012/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] in sqs.list_queues()["QueueUrls"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="trained", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Message"] == "trained"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)])
    sqs.tag_queue(QueueUrl=queue, Tags={"b": "2"})
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"a": "1", "b": "2"}
    assert refused(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@b.c") == ("ValidationException", 400)
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=queue)
    assert refused(sqs.get_queue_url, QueueName=name) == ("AWS.SimpleQueueService.NonExistentQueue", 400)


def test_a_queue_of_once_only(unique: Unique) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=unique("once") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g", MessageDeduplicationId="same")
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


def test_ec2_networks() -> None:
    ec2 = boto3.client("ec2")
    (default,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert default["CidrBlock"] == "172.31.0.0/16"
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}]
    )
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "a", "Value": "1"}])
    tagged = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["a"]}])["Tags"]
    assert {vpc, subnet} <= {tag["ResourceId"] for tag in tagged}
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    assert refused(ec2.describe_vpcs, VpcIds=[vpc]) == ("InvalidVpcID.NotFound", 400)


def test_ec2_runs_no_machines() -> None:
    ec2 = boto3.client("ec2")
    code, sentence = refusal(ec2.run_instances, ImageId="ami-12345678", MinCount=1, MaxCount=1)
    assert (code, "no virtual machines" in sentence) == ("ValidationException", True)
    assert ec2.describe_instances()["Reservations"] == []


def test_glue_catalog(unique: Unique) -> None:
    glue, database = boto3.client("glue"), unique("features").replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database})
    columns = {"Columns": [{"Name": "price", "Type": "double"}], "Location": "s3://b/f"}
    table = {"Name": "houses", "StorageDescriptor": columns, "PartitionKeys": [{"Name": "year", "Type": "string"}]}
    glue.create_table(DatabaseName=database, TableInput=table)
    glue.create_partition(DatabaseName=database, TableName="houses", PartitionInput={"Values": ["2026"]})
    assert len(glue.get_partitions(DatabaseName=database, TableName="houses")["Partitions"]) == 1
    glue.update_table(DatabaseName=database, TableInput={**table, "Description": "changed"})
    assert glue.get_table(DatabaseName=database, Name="houses")["Table"]["Description"] == "changed"
    glue.delete_table(DatabaseName=database, Name="houses")
    glue.delete_database(Name=database)
    assert refused(glue.get_database, Name=database) == ("EntityNotFoundException", 400)
    crawler = {"Name": "c", "Role": "r", "DatabaseName": database, "Targets": {"S3Targets": [{"Path": "s3://b"}]}}
    assert refused(glue.create_crawler, **crawler) == ("ValidationException", 400)


def test_service_catalog(unique: Unique) -> None:
    catalog = boto3.client("servicecatalog")
    portfolio = catalog.create_portfolio(DisplayName=unique("ml"), ProviderName="p", IdempotencyToken="t1")
    name = portfolio["PortfolioDetail"]["Id"]
    version = {"Name": "one", "Info": {"LoadTemplateFromURL": "https://b.s3.amazonaws.com/t"}}
    made = catalog.create_product(
        Name=unique("project"),
        Owner="o",
        ProductType="CLOUD_FORMATION_TEMPLATE",
        ProvisioningArtifactParameters=version,
        Tags=[{"Key": "sagemaker:studio-visibility", "Value": "true"}],
    )
    product = made["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
    catalog.associate_product_with_portfolio(ProductId=product, PortfolioId=name)
    catalog.associate_principal_with_portfolio(PortfolioId=name, PrincipalARN=ROLE, PrincipalType="IAM")
    found = catalog.search_products_as_admin(PortfolioId=name)["ProductViewDetails"]
    assert [each["ProductViewSummary"]["ProductId"] for each in found] == [product]
    assert refused(catalog.delete_product, Id=product) == ("ResourceInUseException", 400)
    assert refused(catalog.delete_portfolio, Id=name) == ("ResourceInUseException", 400)
    catalog.update_portfolio(Id=name, Description="d", AddTags=[{"Key": "a", "Value": "1"}])
    assert catalog.describe_portfolio(Id=name)["Tags"] == [{"Key": "a", "Value": "1"}]
    catalog.disassociate_product_from_portfolio(ProductId=product, PortfolioId=name)
    catalog.disassociate_principal_from_portfolio(PortfolioId=name, PrincipalARN=ROLE)
    catalog.delete_product(Id=product)
    catalog.delete_portfolio(Id=name)
    assert refused(catalog.describe_portfolio, Id=name) == ("ResourceNotFoundException", 400)
    assert refused(catalog.provision_product, ProvisionedProductName="x")[0] == "ValidationException"


def test_codecommit(unique: Unique) -> None:
    codecommit, name = boto3.client("codecommit"), unique("code")
    made = codecommit.create_repository(repositoryName=name, tags={"a": "1"})["repositoryMetadata"]
    assert refused(codecommit.create_repository, repositoryName=name) == ("RepositoryNameExistsException", 400)
    codecommit.tag_resource(resourceArn=made["Arn"], tags={"b": "2"})
    codecommit.untag_resource(resourceArn=made["Arn"], tagKeys=["a"])
    assert codecommit.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == {"b": "2"}
    codecommit.update_repository_description(repositoryName=name, repositoryDescription="d")
    codecommit.update_repository_name(oldName=name, newName=name + "-new")
    found = codecommit.get_repository(repositoryName=name + "-new")["repositoryMetadata"]
    assert (found["repositoryDescription"], found["repositoryId"]) == ("d", made["repositoryId"])
    codecommit.delete_repository(repositoryName=name + "-new")
    assert refused(codecommit.get_repository, repositoryName=name + "-new")[0] == "RepositoryDoesNotExistException"


def test_state_machines_are_kept_and_not_run(unique: Unique) -> None:
    states, name = boto3.client("stepfunctions"), unique("retrain")
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    arn = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    assert json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"]) == definition
    broken = json.dumps({"StartAt": "Gone", "States": definition["States"]})
    assert refused(states.update_state_machine, stateMachineArn=arn, definition=broken) == ("InvalidDefinition", 400)
    code, sentence = refusal(states.start_execution, stateMachineArn=arn)
    assert (code, "pipeline" in sentence) == ("ValidationException", True)
    states.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "1"}]
    states.delete_state_machine(stateMachineArn=arn)
    assert refused(states.describe_state_machine, stateMachineArn=arn) == ("StateMachineDoesNotExist", 400)


def test_identities_of_studio_and_labeling(unique: Unique) -> None:
    (instance,) = boto3.client("sso-admin").list_instances()["Instances"]
    people, store = boto3.client("identitystore"), {"IdentityStoreId": instance["IdentityStoreId"]}
    user = people.create_user(
        **store, UserName=unique("u"), DisplayName="d", Name={"GivenName": "g", "FamilyName": "f"}
    )["UserId"]
    group = people.create_group(**store, DisplayName=unique("g"))["GroupId"]
    people.create_group_membership(**store, GroupId=group, MemberId={"UserId": user})
    (member,) = people.list_group_memberships(**store, GroupId=group)["GroupMemberships"]
    assert member["MemberId"] == {"UserId": user}
    people.delete_user(**store, UserId=user)
    assert refused(people.describe_user, **store, UserId=user)[0] == "ResourceNotFoundException"


def test_cognito(unique: Unique) -> None:
    cognito = boto3.client("cognito-idp")
    made = cognito.create_user_pool(PoolName=unique("labelers"))["UserPool"]
    pool = {"UserPoolId": made["Id"]}
    cognito.tag_resource(ResourceArn=made["Arn"], Tags={"a": "1"})
    assert cognito.list_tags_for_resource(ResourceArn=made["Arn"])["Tags"] == {"a": "1"}
    assert refused(cognito.admin_create_user, **pool, Username="u") == ("ValidationException", 400)
    cognito.admin_create_user(**pool, Username="u", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**pool, Username="u", Password="Passw0rd!", Permanent=True)
    client = cognito.create_user_pool_client(
        **pool, ClientName="c", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    tokens = cognito.admin_initiate_auth(
        **pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "u", "PASSWORD": "Passw0rd!"},
    )["AuthenticationResult"]
    assert {"AccessToken", "IdToken", "RefreshToken"} <= tokens.keys()
    cognito.delete_user_pool(**pool)
    assert refused(cognito.describe_user_pool, **pool) == ("ResourceNotFoundException", 400)


def test_efs() -> None:
    efs, ec2 = boto3.client("efs"), boto3.client("ec2")
    system = efs.create_file_system(CreationToken="homes", Tags=[{"Key": "Name", "Value": "homes"}])["FileSystemId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    target = efs.create_mount_target(FileSystemId=system, SubnetId=subnet)["MountTargetId"]
    assert efs.describe_file_systems(FileSystemId=system)["FileSystems"][0]["NumberOfMountTargets"] == 1
    assert refused(efs.delete_file_system, FileSystemId=system) == ("FileSystemInUse", 409)
    efs.delete_mount_target(MountTargetId=target)
    efs.delete_file_system(FileSystemId=system)
    assert refused(efs.describe_file_systems, FileSystemId=system) == ("FileSystemNotFound", 404)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("kms", "create_custom_key_store", {"CustomKeyStoreName": "s"}),
        ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript"}),
        ("sns", "publish", {"PhoneNumber": "+4915112345678", "Message": "m"}),
        ("glue", "start_job_run", {"JobName": "j"}),
        ("sqs", "start_message_move_task", {"SourceArn": "arn:aws:sqs:us-east-1:123456789012:q"}),
        ("codecommit", "create_branch", {"repositoryName": "r", "branchName": "b", "commitId": "c"}),
        ("lambda", "list_functions", {}),
        ("cloudformation", "list_stacks", {}),
    ],
)
def test_what_is_not_done_is_refused_in_words(service: str, operation: str, params: dict[str, Any]) -> None:
    client = boto3.client(service)
    code, sentence = refusal(getattr(client, operation), **params)
    assert (code, "Sagewright" in sentence) == ("ValidationException", True)
