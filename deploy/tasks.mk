# Building, checking and releasing. Included by the Makefile; any CI calls these and nothing else.
#
#   make deploy ENV=staging REGION=eu-west TAG=1.2.3
#   make deploy ENV=production REGION=ap-southeast THEN="us-east eu-west" TAG=1.2.3 CANARY=10%
#
# A variable that is not set is passed on as empty, and `gateway release` refuses it by name.
IMAGE    ?= gateway
REGISTRY ?=
TAG      ?= $(shell git rev-parse --short=12 HEAD)
ENGINE   ?= docker
AUDIT    ?= var/release-audit.jsonl
PLANNED  ?= var/release-plan
APPROVED ?= var/release-approval

# The base of the image, with its digest once `make pin-base` has written it; PINNED=1 takes no other.
PREVIEW_DOMAIN ?= $(shell sed -n 's/^domain: //p' helm/environments/staging.yaml)
BASE_FILE   = deploy/base-image
BASE_IMAGE ?= $(shell cat $(BASE_FILE))
BASE_DIGEST ?=
SBOM       ?= var/sbom.cdx.json
# A file: `verify-signature` writes the digest there that it verified, and a release of that digest reads it. A tag may
# be moved between the two, a digest is one image.
VERIFIED   ?=
# How the image is signed: a key of cosign's (a file, env://…, a KMS), or, with none, who the pipeline runs as.
COSIGN_KEY ?=
COSIGN_BY   = $(if $(COSIGN_KEY),--key $(COSIGN_KEY))
COSIGN_FROM = $(if $(COSIGN_KEY),--key $(COSIGN_KEY),--certificate-identity-regexp "$(COSIGN_IDENTITY)" --certificate-oidc-issuer "$(COSIGN_ISSUER)")

IMAGE_NAME    = $(if $(REGISTRY),$(REGISTRY)/)$(IMAGE)
RELEASE       = $(BIN)/python -m gateway release
RELEASE_PLACE = --env "$(ENV)" --region "$(REGION)" $(foreach region,$(THEN),--then $(region)) --audit-log $(AUDIT)
RELEASE_WHAT  = --image-tag "$(TAG)" $(if $(VERIFIED),--image-digest "$$(cat $(VERIFIED))") $(if $(PREVIEW),--preview $(PREVIEW)) $(if $(CANARY),--canary $(CANARY)) $(ARGS)
YES_OPTION    = $(if $(YES),--yes)

.PHONY: login pin-base image image-demo push push-demo sign verify-signature chart-check schema-check plan deploy deploy-approved approve audit-verify rollback status history preview preview-comment preview-clean

login: ## write REGISTRY_LOGIN to $DOCKER_CONFIG and KUBECONFIG_LOGIN to $KUBECONFIG, for a pipeline that has secrets as text
	@umask 077; \
	if [ -n "$$REGISTRY_LOGIN" ]; then mkdir -p "$$DOCKER_CONFIG" && printf '%s' "$$REGISTRY_LOGIN" > "$$DOCKER_CONFIG/config.json"; fi; \
	if [ -n "$$KUBECONFIG_LOGIN" ]; then printf '%s' "$$KUBECONFIG_LOGIN" > "$$KUBECONFIG"; fi

pin-base: $(STAMP) ## write the base image with its tag's digest to deploy/base-image, or with BASE_DIGEST=sha256:… where no registry can be asked; commit it
	@set -e; name="$(firstword $(subst @, ,$(BASE_IMAGE)))"; \
	digest=$$($(RELEASE) digest --registry docker.io "$$name$(if $(BASE_DIGEST),@$(BASE_DIGEST))"); \
	echo "$$name@$$digest" > $(BASE_FILE); cat $(BASE_FILE)

image: ## build the image: IMAGE, TAG, REGISTRY, ENGINE=docker|podman|buildah
	@$(if $(wildcard scripts/graphiql.sh),sh scripts/graphiql.sh)
	@case "$(PINNED)$(BASE_IMAGE)" in 1*@sha256:*) ;; 1*) \
	  echo "deploy/base-image names no digest: run \`make pin-base\` and commit it" >&2; exit 2;; esac
	@$(ENGINE) build -t $(IMAGE_NAME):$(TAG) --build-arg PYTHON_IMAGE=$(BASE_IMAGE) --build-arg VERSION=$(TAG) --build-arg REVISION=$$(git rev-parse HEAD) .

image-demo: ## build the image with the stand-in backends, for previews
	@$(ENGINE) build -t $(IMAGE_NAME)-demo:$(TAG) --target demo --build-arg PYTHON_IMAGE=$(BASE_IMAGE) .

push: ## push the image that `image` built
	@$(ENGINE) push $(IMAGE_NAME):$(TAG)

push-demo: ## push the image that `image-demo` built
	@$(ENGINE) push $(IMAGE_NAME)-demo:$(TAG)

sign: ## sign the image that `push` pushed, by its digest, and attest what is inside (cosign; COSIGN_KEY, or who the pipeline is)
	@mkdir -p $(dir $(SBOM))
	@$(ENGINE) run --rm --entrypoint cat $(IMAGE_NAME):$(TAG) /opt/gateway/sbom.cdx.json > $(SBOM)
	@set -e; signed=$$($(ENGINE) inspect --format '{{index .RepoDigests 0}}' $(IMAGE_NAME):$(TAG)); \
	cosign sign --yes $(COSIGN_BY) "$$signed"; \
	cosign attest --yes $(COSIGN_BY) --type cyclonedx --predicate $(SBOM) "$$signed"

verify-signature: $(STAMP) ## refuse an image that this pipeline has not signed: COSIGN_KEY, or COSIGN_IDENTITY and COSIGN_ISSUER; VERIFIED
	@set -e; digest=$$($(RELEASE) digest $(IMAGE_NAME):$(TAG)); \
	cosign verify $(COSIGN_FROM) "$(IMAGE_NAME)@$$digest" > /dev/null; \
	cosign verify-attestation $(COSIGN_FROM) --type cyclonedx "$(IMAGE_NAME)@$$digest" > /dev/null; \
	$(if $(VERIFIED),mkdir -p $(dir $(VERIFIED)); echo "$$digest" > $(VERIFIED),echo "$(IMAGE_NAME)@$$digest")

chart-check: $(STAMP) ## the chart: every render against schema, policies, golden files
	@sh tests/platform/install.sh
	@$(BIN)/python -m pytest tests/platform/test_chart.py tests/release -m "platform or not platform" $(ARGS)

schema-check: $(STAMP) ## the schema, connectors and resolvers, without serving
	@$(BIN)/python -m gateway check

plan: $(STAMP) ## show what a release would change: ENV, REGION, THEN, TAG, CANARY, VERIFIED
	@mkdir -p $(dir $(PLANNED))
	@$(RELEASE) plan $(RELEASE_PLACE) $(RELEASE_WHAT) --digest-file $(PLANNED)

deploy: $(STAMP) ## release: ENV, REGION, THEN, TAG, CANARY, PREVIEW, VERIFIED; production asks for its name
	@$(RELEASE) apply $(RELEASE_PLACE) $(RELEASE_WHAT) $(YES_OPTION)

approve: $(STAMP) ## write the token that approves what `plan` showed; in the step that asked a person, and in no other
	@umask 077; $(RELEASE) approve --env "$(ENV)" --plan "$$(cat $(PLANNED))" > $(APPROVED)

deploy-approved: $(STAMP) ## deploy what `plan` showed, with the token that `approve` wrote; it is used once
	@GATEWAY_RELEASE_APPROVAL_TOKEN=$$(cat $(APPROVED)) $(RELEASE) apply $(RELEASE_PLACE) $(RELEASE_WHAT)

audit-verify: $(STAMP) ## follow the chain of the audit log; HEAD=… (make history shows some) has to be in it
	@$(RELEASE) audit verify --audit-log $(AUDIT) $(if $(HEAD),--head $(HEAD))

rollback: $(STAMP) ## bring one region back: ENV, REGION, REVISION
	@$(RELEASE) rollback "$(REVISION)" --env "$(ENV)" --region "$(REGION)" --audit-log $(AUDIT) $(YES_OPTION)

status: $(STAMP) ## every region of ENV: revision, pods, what is wrong
	@$(RELEASE) status --env "$(ENV)"

history: $(STAMP) ## the revisions of ENV in REGION
	@$(RELEASE) history --env "$(ENV)" --region "$(REGION)"

preview: $(STAMP) ## a staging environment for one pull request: PREVIEW=pr-123, TAG
	@$(RELEASE) apply --env staging --region "$(or $(REGION),eu-west)" --preview "$(PREVIEW)" --image-tag "$(TAG)" $(if $(REGISTRY),--set image.repository=$(IMAGE_NAME)) --set demo.enabled=true --set demo.image.repository=$(IMAGE_NAME)-demo --set demo.image.tag="$(TAG)" --audit-log $(AUDIT) --yes $(ARGS)

preview-comment: ## what a pull request is told of its preview: PREVIEW, TAG; INTO a file, or with GH_TOKEN to the pull request
	@echo "Preview of $(TAG), with the demo's backends beside it: https://$(PREVIEW).$(PREVIEW_DOMAIN)/graphql. It is deleted when the pull request is closed, or after three days." $(if $(INTO),> $(INTO)) \
	  $(if $(GH_TOKEN),| gh pr comment "$(PREVIEW:pr-%=%)" --edit-last --create-if-none --body-file -)

preview-clean: $(STAMP) ## delete PREVIEW=pr-123, or every preview whose time is over
	@$(RELEASE) cleanup --region "$(or $(REGION),eu-west)" $(if $(PREVIEW),--preview $(PREVIEW)) --audit-log $(AUDIT) --yes
