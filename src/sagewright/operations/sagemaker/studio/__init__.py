"""Studio: domains, their users and spaces, apps, images, what is set up in them. Apps do not run yet."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "app": "app",
        "app-image-config": "app_image_config",
        "domain": "domain",
        "image": "image",
        "image-version": "image_version",
        "space": "space",
        "studio-lifecycle-config": "studio_lifecycle_config",
        "user-profile": "user_profile",
    },
    kept=(
        "app",
        "app_image_config",
        "domain",
        "image",
        "image_version",
        "space",
        "studio_lifecycle_config",
        "user_profile",
    ),
    unbuilt={
        "CreateApp": "run Studio apps",
        "CreatePresignedDomainUrl": "open Studio in a browser",
        "StartSession": "open sessions to Studio's spaces",
    },
)
