# The SDK's own rules for x-cli-lin, which take no libraries from a manifest, and mbedTLS for modules/transport/tls
# (Debian: libmbedtls-dev).
include $(MODDABLE)/tools/mcconfig/make.x-cli-lin.mk
LIBRARIES += -lmbedtls -lmbedx509 -lmbedcrypto
