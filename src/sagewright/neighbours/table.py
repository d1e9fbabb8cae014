"""Which services the neighbours answer for, and with which operations.

An operation stands here when moto really does what it says, or keeps a record that means no more than it says. What
would pretend (machines that run, crawlers that crawl, mail that is sent) is left out, with a reason for callers.
What moto lacks of a noun whose other operations stand here is added in `host/additions/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_READS: Final = ("Describe", "List", "Get", "BatchGet", "Search", "Is", "Check")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One service."""

    module: str
    """moto's name for it."""
    operations: frozenset[str]
    why: str
    """Why the others are left out: a whole sentence."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Better reasons, by the beginning of the operation's name."""
    reads: frozenset[str] = frozenset()
    """Operations that change nothing although their names do not tell."""
    made_by_name: str = ""
    """Keys whose id contains this are made when somebody first names them."""
    writes: frozenset[str] = frozenset()
    """Operations that change something although their names do not tell."""

    def left_out(self, operation: str) -> str | None:
        """Why the operation is not done; None when it is."""
        if operation in self.operations:
            return None
        found = (sentence for start, sentence in self.reasons.items() if operation.startswith(start))
        return next(found, self.why)

    def changes(self, operation: str, params: Mapping[str, Any]) -> bool:
        """Whether doing the operation may change anything."""
        if self.made_by_name and self.made_by_name in str(params.get("KeyId", "")):
            return True
        if operation in self.reads or operation in self.writes:
            return operation in self.writes
        return not operation.startswith(_READS)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_MACHINES: Final = (
    "Sagewright keeps EC2's networks, and runs no virtual machines, volumes or images: "
    "jobs and endpoints of SageMaker do the computing."
)

NEIGHBOURS: Final[Mapping[str, Neighbour]] = {
    # Add a service here, by botocore's name, and its row in wire/model.py.
    "kms": Neighbour(
        "kms",
        _names("""
            CancelKeyDeletion CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey DisableKey
            DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext
            GenerateMac GenerateRandom GetKeyPolicy GetKeyRotationStatus GetPublicKey ListAliases ListGrants
            ListKeyPolicies ListKeyRotations ListKeys ListResourceTags ListRetirableGrants PutKeyPolicy ReEncrypt
            RetireGrant RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource UntagResource UpdateAlias
            UpdateKeyDescription Verify VerifyMac
        """),
        "Sagewright's KMS keeps keys that it made itself, in one region, for the operations of AWS_KMS key stores.",
        reads=_names("""
            Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom ReEncrypt Sign
            Verify VerifyMac
        """),
        made_by_name="alias/aws/",
    ),
    "secretsmanager": Neighbour(
        "secretsmanager",
        _names("""
            BatchGetSecretValue CreateSecret DeleteResourcePolicy DeleteSecret DescribeSecret GetRandomPassword
            GetResourcePolicy GetSecretValue ListSecretVersionIds ListSecrets PutResourcePolicy PutSecretValue
            RemoveRegionsFromReplication ReplicateSecretToRegions RestoreSecret TagResource UntagResource UpdateSecret
            UpdateSecretVersionStage
        """),
        "Sagewright's Secrets Manager keeps secrets, their versions, policies and replicas.",
        reasons={
            "RotateSecret": "Secrets are rotated by Lambda functions, which Sagewright does not run.",
            "CancelRotateSecret": "Secrets are rotated by Lambda functions, which Sagewright does not run.",
        },
        writes=_names("GetSecretValue BatchGetSecretValue"),  # they note when the secret was last read
    ),
    "ssm": Neighbour(
        "ssm",
        _names("""
            AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter GetParameterHistory
            GetParameters GetParametersByPath LabelParameterVersion ListTagsForResource PutParameter
            RemoveTagsFromResource UnlabelParameterVersion
        """),
        "Sagewright keeps Systems Manager's parameters, and manages no machines.",
    ),
    "sns": Neighbour(
        "sns",
        _names("""
            AddPermission CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes ListSubscriptions
            ListSubscriptionsByTopic ListTagsForResource ListTopics Publish PublishBatch RemovePermission
            SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource
        """),
        "Sagewright's SNS brings messages to SQS queues; it reaches no telephones, applications or mailboxes.",
    ),
    "sqs": Neighbour(
        "sqs",
        _names("""
            AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage
            DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues ListQueueTags
            ListQueues PurgeQueue ReceiveMessage RemovePermission SendMessage SendMessageBatch SetQueueAttributes
            TagQueue UntagQueue
        """),
        "Sagewright's SQS does not move messages between queues by itself: receive them and send them again.",
    ),
    "stepfunctions": Neighbour(
        "stepfunctions",
        _names("""
            CreateStateMachine CreateStateMachineAlias DeleteStateMachine DeleteStateMachineAlias DescribeStateMachine
            DescribeStateMachineAlias ListExecutions ListStateMachineAliases ListStateMachineVersions
            ListStateMachines ListTagsForResource TagResource UntagResource UpdateStateMachine UpdateStateMachineAlias
            ValidateStateMachineDefinition
        """),
        "Sagewright keeps state machines and does not run them: run the steps as a SageMaker pipeline.",
    ),
    "glue": Neighbour(
        "glue",
        _names("""
            BatchCreatePartition BatchDeletePartition BatchDeleteTable BatchGetPartition BatchUpdatePartition
            CreateConnection CreateDatabase CreatePartition CreateRegistry CreateSchema CreateSecurityConfiguration
            CreateTable DeleteDatabase DeletePartition DeleteRegistry DeleteResourcePolicy DeleteSchema
            DeleteSecurityConfiguration DeleteTable DeleteTableVersion GetConnection GetConnections
            GetDataCatalogEncryptionSettings GetDatabase GetDatabases GetPartition GetPartitionIndexes GetPartitions
            GetRegistry GetResourcePolicy GetSchema GetSchemaByDefinition GetSchemaVersion GetSecurityConfiguration
            GetSecurityConfigurations GetTable GetTableVersion GetTableVersions GetTables GetTags ListRegistries
            PutDataCatalogEncryptionSettings PutResourcePolicy PutSchemaVersionMetadata RegisterSchemaVersion
            TagResource UntagResource UpdateDatabase UpdatePartition UpdateSchema UpdateTable
        """),
        "Sagewright keeps Glue's catalog and schema registry, and runs none of Glue's jobs, crawlers or sessions: "
        "processing jobs of SageMaker do such work.",
    ),
    "efs": Neighbour(
        "efs",
        _names("""
            CreateAccessPoint CreateFileSystem CreateMountTarget DeleteAccessPoint DeleteFileSystem DeleteMountTarget
            DescribeAccessPoints DescribeBackupPolicy DescribeFileSystemPolicy DescribeFileSystems
            DescribeLifecycleConfiguration DescribeMountTargetSecurityGroups DescribeMountTargets ListTagsForResource
            ModifyMountTargetSecurityGroups PutFileSystemPolicy PutLifecycleConfiguration TagResource UntagResource
        """),
        "Sagewright keeps the names of EFS file systems, their mount targets and access points.",
    ),
    "servicecatalog": Neighbour(
        "servicecatalog",
        _names("""
            AssociatePrincipalWithPortfolio AssociateProductWithPortfolio CreatePortfolio CreateProduct
            CreateProvisioningArtifact DeletePortfolio DeleteProduct DeleteProvisioningArtifact DescribePortfolio
            DescribeProduct DescribeProductAsAdmin DescribeProvisioningArtifact DisassociatePrincipalFromPortfolio
            DisassociateProductFromPortfolio ListPortfolioAccess ListPortfolios ListPortfoliosForProduct
            ListPrincipalsForPortfolio ListProvisioningArtifacts SearchProducts SearchProductsAsAdmin UpdatePortfolio
            UpdateProduct UpdateProvisioningArtifact
        """),
        "Sagewright keeps Service Catalog's portfolios and products of one account, and provisions none.",
    ),
    "codecommit": Neighbour(
        "codecommit",
        _names("""
            BatchGetRepositories CreateRepository DeleteRepository GetRepository ListRepositories ListTagsForResource
            TagResource UntagResource UpdateRepositoryDescription UpdateRepositoryName
        """),
        "Sagewright keeps CodeCommit's repositories by name and holds no commits: use a Git server for the code.",
    ),
    "sso-admin": Neighbour(
        "ssoadmin",
        _names("""
            AttachCustomerManagedPolicyReferenceToPermissionSet AttachManagedPolicyToPermissionSet
            CreateAccountAssignment CreatePermissionSet DeleteAccountAssignment DeleteInlinePolicyFromPermissionSet
            DeletePermissionSet DescribeAccountAssignmentCreationStatus DescribeAccountAssignmentDeletionStatus
            DescribePermissionSet DetachCustomerManagedPolicyReferenceFromPermissionSet
            DetachManagedPolicyFromPermissionSet GetInlinePolicyForPermissionSet ListAccountAssignments
            ListAccountAssignmentsForPrincipal ListAccountsForProvisionedPermissionSet
            ListCustomerManagedPolicyReferencesInPermissionSet ListInstances ListManagedPoliciesInPermissionSet
            ListPermissionSets ListPermissionSetsProvisionedToAccount ListTagsForResource PutInlinePolicyToPermissionSet
            TagResource UntagResource UpdateInstance UpdatePermissionSet
        """),
        "Sagewright keeps permission sets and who they are assigned to, and signs nobody in by them.",
    ),
    "identitystore": Neighbour(
        "identitystore",
        _names("""
            CreateGroup CreateGroupMembership CreateUser DeleteGroup DeleteGroupMembership DeleteUser DescribeGroup
            DescribeGroupMembership DescribeUser GetGroupId GetGroupMembershipId GetUserId IsMemberInGroups
            ListGroupMemberships ListGroupMembershipsForMember ListGroups ListUsers
        """),
        "Sagewright keeps users, groups and memberships: delete one and make it again where it has to change.",
    ),
    "cognito-idp": Neighbour(
        "cognitoidp",
        _names("""
            AddCustomAttributes AdminAddUserToGroup AdminConfirmSignUp AdminCreateUser AdminDeleteUser
            AdminDeleteUserAttributes AdminDisableUser AdminEnableUser AdminGetUser AdminInitiateAuth
            AdminListGroupsForUser AdminRemoveUserFromGroup AdminRespondToAuthChallenge AdminSetUserPassword
            AdminUpdateUserAttributes AdminUserGlobalSignOut CreateGroup CreateIdentityProvider
            CreateResourceServer CreateUserPool CreateUserPoolClient CreateUserPoolDomain DeleteGroup
            DeleteIdentityProvider DeleteUserPool DeleteUserPoolClient DeleteUserPoolDomain DescribeIdentityProvider
            DescribeResourceServer DescribeUserPool DescribeUserPoolClient DescribeUserPoolDomain GetGroup
            GetUserPoolMfaConfig ListGroups ListIdentityProviders ListResourceServers ListTagsForResource
            ListUserPoolClients ListUserPools ListUsers ListUsersInGroup SetUserPoolMfaConfig TagResource UntagResource
            UpdateGroup UpdateIdentityProvider UpdateUserPool UpdateUserPoolClient UpdateUserPoolDomain
        """),
        "Sagewright keeps user pools, their users, groups and clients; it sends no mail or text messages, "
        "so an administrator makes the users, sets their passwords and signs them in.",
    ),
    "resourcegroupstaggingapi": Neighbour(
        "resourcegroupstaggingapi",
        _names("GetResources GetTagKeys GetTagValues"),
        "Sagewright finds resources of all services by their tags: tag them through the service that has them.",
    ),
    "ec2": Neighbour(
        "ec2",
        _names("""
            AcceptVpcPeeringConnection AllocateAddress AssignIpv6Addresses AssignPrivateIpAddresses AssociateAddress
            AssociateDhcpOptions AssociateRouteTable AssociateSubnetCidrBlock AssociateVpcCidrBlock
            AttachInternetGateway AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateDefaultSubnet
            CreateDefaultVpc CreateDhcpOptions CreateEgressOnlyInternetGateway CreateInternetGateway
            CreateManagedPrefixList CreateNatGateway CreateNetworkAcl CreateNetworkAclEntry CreateNetworkInterface
            CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcEndpoint
            CreateVpcPeeringConnection DeleteDhcpOptions DeleteEgressOnlyInternetGateway DeleteInternetGateway
            DeleteManagedPrefixList DeleteNatGateway DeleteNetworkAcl DeleteNetworkAclEntry DeleteNetworkInterface
            DeleteRoute DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints
            DeleteVpcPeeringConnection DescribeAccountAttributes DescribeAddresses DescribeAddressesAttribute
            DescribeAvailabilityZones DescribeDhcpOptions DescribeEgressOnlyInternetGateways
            DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeInstances DescribeInternetGateways
            DescribeManagedPrefixLists
            DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaceAttribute DescribeNetworkInterfaces
            DescribePrefixLists DescribeRegions DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups
            DescribeSubnets DescribeTags DescribeVpcAttribute DescribeVpcClassicLink DescribeVpcClassicLinkDnsSupport
            DescribeVpcEndpointServices DescribeVpcEndpoints DescribeVpcPeeringConnections DescribeVpcs
            DetachInternetGateway DisassociateAddress DisassociateRouteTable DisassociateSubnetCidrBlock
            DisassociateVpcCidrBlock GetManagedPrefixListEntries ModifyManagedPrefixList
            ModifyNetworkInterfaceAttribute ModifySecurityGroupRules ModifySubnetAttribute ModifyVpcAttribute
            ModifyVpcEndpoint ModifyVpcPeeringConnectionOptions RejectVpcPeeringConnection ReleaseAddress
            ReplaceNetworkAclAssociation ReplaceNetworkAclEntry ReplaceRoute ReplaceRouteTableAssociation
            RevokeSecurityGroupEgress RevokeSecurityGroupIngress UnassignIpv6Addresses UnassignPrivateIpAddresses
            UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress
        """),
        _NO_MACHINES,
    ),
}

TOGETHER: Final[Mapping[str, str]] = {"efs": "ec2"}
"""Modules of moto whose objects hold objects of another: both are kept as one."""
