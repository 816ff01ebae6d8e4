package docker_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"

	"github.com/idpool/idpool/docker"
)

func ExampleRun() {
	ctx := context.Background()
	idpool, err := docker.Run(ctx)
	defer func() {
		if err := testcontainers.TerminateContainer(idpool); err != nil {
			log.Printf("failed to terminate container: %s", err)
		}
	}()
	if err != nil {
		log.Printf("failed to start container: %s", err)
		return
	}

	url, err := idpool.URL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	token, err := idpool.Token(ctx, "75f2f796-363d-4de2-b299-713920db01a7")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(strings.HasPrefix(url, "http://"), strings.Count(token, "."))
	// Output: true 2
}

func ExampleWithNetworkAlias() {
	ctx := context.Background()
	net, err := network.New(ctx)
	if err != nil {
		log.Printf("failed to create network: %s", err)
		return
	}
	defer func() {
		if err := net.Remove(ctx); err != nil {
			log.Printf("failed to remove network: %s", err)
		}
	}()
	idpool, err := docker.Run(ctx, docker.WithNetworkAlias(net, "idpool"))
	defer func() {
		if err := testcontainers.TerminateContainer(idpool); err != nil {
			log.Printf("failed to terminate container: %s", err)
		}
	}()
	if err != nil {
		log.Printf("failed to start container: %s", err)
		return
	}

	// What a container of the network is told.
	fmt.Println(idpool.InsideURL(), idpool.InsideHTTPSURL(), idpool.InsideBrokers())
	// Output: http://idpool:8080 https://idpool:8443 [idpool:19092]
}

func ExampleWithFaultYAML() {
	ctx := context.Background()
	idpool, err := docker.Run(ctx, docker.WithFaultYAML("- {id: keys-are-gone, endpoint: jwks, status: 503}"))
	defer func() {
		if err := testcontainers.TerminateContainer(idpool); err != nil {
			log.Printf("failed to terminate container: %s", err)
		}
	}()
	if err != nil {
		log.Printf("failed to start container: %s", err)
		return
	}

	url, err := idpool.URL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	answer, err := http.Get(url + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/discovery/v2.0/keys")
	if err != nil {
		log.Print(err)
		return
	}
	defer answer.Body.Close()
	fmt.Println(answer.StatusCode, answer.Header.Get("Idpool-Fault"))
	// Output: 503 keys-are-gone
}

func ExampleContainer_ClientProperties() {
	ctx := context.Background()
	idpool, err := docker.Run(ctx)
	defer func() {
		if err := testcontainers.TerminateContainer(idpool); err != nil {
			log.Printf("failed to terminate container: %s", err)
		}
	}()
	if err != nil {
		log.Printf("failed to start container: %s", err)
		return
	}

	properties, err := idpool.ClientProperties(ctx, "java", "--pool=pool-prod")
	if err != nil {
		log.Print(err)
		return
	}
	for line := range strings.Lines(properties) {
		if strings.HasPrefix(line, "sasl.mechanism=") || strings.HasPrefix(line, "security.protocol=") {
			fmt.Print(line)
		}
	}
	// Output:
	// security.protocol=SASL_PLAINTEXT
	// sasl.mechanism=OAUTHBEARER
}
