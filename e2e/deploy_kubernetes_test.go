package e2e

import (
	"maps"
	"slices"
	"testing"
)

// manifest has the fields that deploy/kubernetes.yaml uses, for all of its
// kinds. Any other field is a mistake.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   kubeMeta
	Data       map[string]string
	Spec       struct {
		Replicas             int
		RevisionHistoryLimit int `yaml:"revisionHistoryLimit"`
		MinAvailable         int `yaml:"minAvailable"`
		Strategy             struct {
			Type          string
			RollingUpdate struct {
				MaxSurge       int `yaml:"maxSurge"`
				MaxUnavailable int `yaml:"maxUnavailable"`
			} `yaml:"rollingUpdate"`
		}
		Selector map[string]kubeLabels
		Ports    []struct {
			Name       string
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata kubeMeta
			Spec     kubePod
		}
		PodSelector kubeSelector `yaml:"podSelector"`
		PolicyTypes []string     `yaml:"policyTypes"`
		Ingress     []struct {
			From []struct {
				NamespaceSelector *kubeSelector `yaml:"namespaceSelector"`
				PodSelector       *kubeSelector `yaml:"podSelector"`
			}
			Ports []struct{ Protocol, Port string }
		}
	}
}

type kubeSelector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

// checkPolicy requires that a policy covers the pods, that each port can be
// reached, and that the admin port can be reached only by named pods of a named
// namespace.
func checkPolicy(t *testing.T, policy manifest, labels map[string]string, c kubeContainer) {
	t.Helper()
	if !maps.Equal(policy.Spec.PodSelector.MatchLabels, labels) || !slices.Contains(policy.Spec.PolicyTypes, "Ingress") {
		t.Errorf("the NetworkPolicy is for %v, and pods have %v", policy.Spec.PodSelector.MatchLabels, labels)
	}
	reached := map[string]bool{}
	for _, rule := range policy.Spec.Ingress {
		if len(rule.From) == 0 || len(rule.Ports) == 0 {
			t.Errorf("a rule lets everybody reach everything: %+v", rule)
		}
		for _, port := range rule.Ports {
			reached[port.Port] = true
			for _, from := range rule.From {
				named := from.NamespaceSelector != nil && len(from.NamespaceSelector.MatchLabels) > 0 && from.PodSelector != nil && len(from.PodSelector.MatchLabels) > 0
				if port.Port == "admin" && !named {
					t.Errorf("more than the pods of Prometheus reach the admin port: %+v", from)
				}
			}
		}
	}
	for _, port := range c.Ports {
		if !reached[port.Name] {
			t.Errorf("nobody reaches the port %s", port.Name)
		}
		delete(reached, port.Name)
	}
	if len(reached) > 0 {
		t.Errorf("the NetworkPolicy names ports that pods do not have: %v", reached)
	}
}

// kubeLabels reads both forms of a selector: a Service has labels where other
// kinds have matchLabels.
type kubeLabels map[string]string

// UnmarshalYAML accepts a map, or the bare value of a label.
func (l *kubeLabels) UnmarshalYAML(unmarshal func(any) error) error {
	var labels map[string]string
	if err := unmarshal(&labels); err == nil {
		*l = labels
		return nil
	}
	var value string
	err := unmarshal(&value)
	*l = kubeLabels{"": value}
	return err
}

type kubeMeta struct {
	Name                string
	Labels, Annotations map[string]string
}

type kubePod struct {
	AutomountServiceAccountToken  bool `yaml:"automountServiceAccountToken"`
	TerminationGracePeriodSeconds int  `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
		RunAsUser      int                   `yaml:"runAsUser"`
		RunAsGroup     int                   `yaml:"runAsGroup"`
		FSGroup        int                   `yaml:"fsGroup"`
		SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	TopologySpreadConstraints []struct {
		MaxSkew           int                          `yaml:"maxSkew"`
		TopologyKey       string                       `yaml:"topologyKey"`
		WhenUnsatisfiable string                       `yaml:"whenUnsatisfiable"`
		LabelSelector     map[string]map[string]string `yaml:"labelSelector"`
	} `yaml:"topologySpreadConstraints"`
	Containers []kubeContainer
	Volumes    []struct {
		Name   string
		Secret struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		}
		EmptyDir struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
	}
}

type kubeContainer struct {
	Name, Image string
	EnvFrom     []struct {
		ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
	} `yaml:"envFrom"`
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe    kubeProbe `yaml:"startupProbe"`
	LivenessProbe   kubeProbe `yaml:"livenessProbe"`
	ReadinessProbe  kubeProbe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type kubeProbe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`

	PeriodSeconds    int `yaml:"periodSeconds"`
	TimeoutSeconds   int `yaml:"timeoutSeconds"`
	FailureThreshold int `yaml:"failureThreshold"`
}
